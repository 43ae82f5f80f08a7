import { type FormEvent, useState } from 'react';
import { Button } from '../components/button.tsx';
import { Dialog, DialogButtons } from '../components/dialog.tsx';
import { Field } from '../components/field.tsx';
import { RefusalNotice } from '../components/refusal-notice.tsx';
import { useAction } from '../components/use-action.ts';
import type { Key } from '../data/key.ts';
import { deleteKey } from '../data/key-actions.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import styles from './delete-dialog.module.css';

/** Deletes a key once its label was typed. */
export function DeleteDialog({ value: key, onClose }: { value: Key; onClose: () => void }) {
  const { supabase } = useSession();
  const announce = useAnnounce();
  const [mistyped, setMistyped] = useState(false);
  const remove = useAction(async () => {
    await deleteKey(supabase, key.id);
    announce(`The key “${key.label}” is deleted.`);
    onClose();
  });

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const typed = String(new FormData(event.currentTarget).get('typed'));
    const same = typed.trim().normalize() === key.label.normalize();
    setMistyped(!same);
    if (same) void remove.run();
  };
  return (
    <Dialog title="Delete the key" onClose={onClose}>
      <form onSubmit={submit}>
        <p>
          The gateway refuses it at once, and its open connections are closed. Its usage and its
          history stay, and count. Only an admin can bring it back.
        </p>
        <p className={styles.label}>
          <bdi>{key.label}</bdi>
          <code>{key.key_id}</code>
        </p>
        <Field
          label="Type the label to delete it"
          error={mistyped ? 'This is not the label as it stands above.' : undefined}
        >
          <input name="typed" autoComplete="off" autoFocus dir="auto" required />
        </Field>
        {remove.refusal && <RefusalNotice refusal={remove.refusal} />}
        <DialogButtons>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="danger" type="submit" busy={remove.busy}>
            Delete the key
          </Button>
        </DialogButtons>
      </form>
    </Dialog>
  );
}
