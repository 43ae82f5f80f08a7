import { useState } from 'react';
import { v4 as uuid } from 'uuid';
import { Choice } from '../components/choice.tsx';
import { FormDialog } from '../components/form-dialog.tsx';
import { Notice } from '../components/notice.tsx';
import { useSecondsUntil } from '../components/refusal-notice.tsx';
import { useAction } from '../components/use-action.ts';
import type { Key, RotatedKey } from '../data/key.ts';
import { rotateKey } from '../data/key-actions.ts';
import { Refusal } from '../data/refusal.ts';
import { useSession } from '../session/session-context.ts';

/** Explains when the old secret stops, and rotates it. */
export function RotateDialog(props: {
  value: Key;
  onClose: () => void;
  onRotated: (rotated: RotatedKey, graceSeconds: number) => void;
}) {
  const { value: key, onClose, onRotated } = props;
  const { supabase } = useSession();
  const [idempotencyKey, setIdempotencyKey] = useState(() => uuid());
  const rotate = useAction(async (form: FormData) => {
    const graceSeconds = Number(form.get('grace'));
    try {
      onRotated(await rotateKey(supabase, key.id, graceSeconds, idempotencyKey), graceSeconds);
    } catch (error) {
      // the rotation happened but its secret was lost: only another rotation yields one
      if (error instanceof Refusal && error.code === 'already_done') setIdempotencyKey(uuid());
      throw error;
    }
  });
  const wait = useSecondsUntil(rotate.refusal?.retryAt);
  return (
    <FormDialog
      title={`Rotate the secret of “${key.label}”`}
      onClose={onClose}
      action={rotate}
      explain={explain}
      submit="Rotate secret"
      disabled={wait > 0}
    >
      <p>
        The key ID stays the same. When the old secret stops working, clients that still use it are
        refused. Open connections stay open.
      </p>
      {key.grace_ends_at && (
        <Notice kind="warning">
          The key was rotated moments ago. The secret before the current one stops working at once.
        </Notice>
      )}
      <Choice
        legend="When does the old secret stop working?"
        name="grace"
        options={[
          {
            value: '0',
            name: 'Immediately',
            hint: 'If the secret may have leaked, or is not in use.',
          },
          {
            value: '30',
            name: 'In 30 seconds',
            hint: 'Both secrets work until then, which gives you time to replace the old one.',
          },
        ]}
      />
    </FormDialog>
  );
}

function explain({ code }: Refusal) {
  return code === 'already_done' ? (
    <Notice kind="warning">
      The key was rotated, but the new secret did not reach this page. Rotate it again.
    </Notice>
  ) : undefined;
}
