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

/** Says what a new secret stops, and when, and makes one. */
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
      // it was done, and its secret went lost: only another rotation gives one
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
      submit="Rotate the secret"
      disabled={wait > 0}
    >
      <p>
        The key ID stays. Whatever uses the old secret is refused once it stops, until you give it
        the new one. Connections that are open go on.
      </p>
      {key.grace_ends_at && (
        <Notice kind="warning">
          The key was rotated just now. The secret before the present one stops at once.
        </Notice>
      )}
      <Choice
        legend="When does the old secret stop?"
        name="grace"
        options={[
          { value: '0', name: 'At once', hint: 'If it may have leaked, or nothing uses it.' },
          {
            value: '30',
            name: '30 seconds from now',
            hint: 'Both work meanwhile: for a secret that is read from one place.',
          },
        ]}
      />
    </FormDialog>
  );
}

function explain({ code }: Refusal) {
  return code === 'already_done' ? (
    <Notice kind="warning">
      The key was rotated, but the new secret did not reach this page. Rotate it once more.
    </Notice>
  ) : undefined;
}
