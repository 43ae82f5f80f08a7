import { useMemo, useState } from 'react';
import { Dialog } from '../components/dialog.tsx';
import { Field } from '../components/field.tsx';
import { DialogForm } from '../components/form-dialog.tsx';
import { Loaded } from '../components/loaded.tsx';
import type { Threshold } from '../data/alert.ts';
import { useKeys } from '../data/use-keys.ts';
import { KeyOptions } from './key-options.tsx';
import { ThresholdFields, useThresholdForm } from './threshold-fields.tsx';

/** Asks for a key, and sets its thresholds. `own` are those of keys that have some. */
export function KeyThresholdDialog({ own, onClose }: { own: Threshold[]; onClose: () => void }) {
  const keys = useKeys();
  const undeleted = useMemo(
    () => keys.data?.keys.filter(({ deleted_at }) => !deleted_at) ?? [],
    [keys.data],
  );
  const [keyId, setKeyId] = useState('');
  const { wrong, ...form } = useThresholdForm(keyId, onClose);
  return (
    <Dialog title="Thresholds of a key" onClose={onClose}>
      <Loaded query={keys} what="your keys">
        {() => (
          <DialogForm onClose={onClose} {...form} submit="Save">
            <Field label="Key">
              <select
                required
                autoFocus
                value={keyId}
                onChange={(event) => setKeyId(event.target.value)}
              >
                <option value="">Choose a key</option>
                <KeyOptions keys={undeleted} />
              </select>
            </Field>
            <ThresholdFields
              key={keyId}
              ofKey
              percents={own.find(({ key_id }) => key_id === keyId)?.percents ?? null}
              wrong={wrong}
            />
          </DialogForm>
        )}
      </Loaded>
    </Dialog>
  );
}
