import { type FormEvent, useState } from 'react';
import { v4 as uuid } from 'uuid';
import { Button } from '../components/button.tsx';
import { Choice } from '../components/choice.tsx';
import { Dialog, DialogButtons } from '../components/dialog.tsx';
import { Notice } from '../components/notice.tsx';
import { RefusalNotice, useSecondsUntil } from '../components/refusal-notice.tsx';
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
  const rotate = useAction(async (graceSeconds: number) => {
    try {
      onRotated(await rotateKey(supabase, key.id, graceSeconds, idempotencyKey), graceSeconds);
    } catch (error) {
      // it was done, and its secret went lost: only another rotation gives one
      if (error instanceof Refusal && error.code === 'already_done') setIdempotencyKey(uuid());
      throw error;
    }
  });
  const wait = useSecondsUntil(rotate.refusal?.retryAt);

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (wait > 0) return;
    void rotate.run(Number(new FormData(event.currentTarget).get('grace')));
  };
  return (
    <Dialog title={`New secret for “${key.label}”`} onClose={onClose}>
      <form onSubmit={submit}>
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
        {rotate.refusal?.code === 'already_done' ? (
          <Notice kind="warning">
            The key was rotated, but the new secret did not reach this page. Rotate it once more.
          </Notice>
        ) : (
          rotate.refusal && <RefusalNotice refusal={rotate.refusal} />
        )}
        <DialogButtons>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" busy={rotate.busy} aria-disabled={wait > 0}>
            Make a new secret
          </Button>
        </DialogButtons>
      </form>
    </Dialog>
  );
}
