import { memo } from 'react';
import type { Key } from '../data/key.ts';

/** The options of a select, one for each key. There may be thousands, which are made once. */
export const KeyOptions = memo(function KeyOptions({ keys }: { keys: Key[] }) {
  return keys.map(({ key_id, label, deleted_at }) => (
    <option key={key_id} value={key_id}>
      {`${label} (${key_id})${deleted_at ? ', deleted' : ''}`}
    </option>
  ));
});
