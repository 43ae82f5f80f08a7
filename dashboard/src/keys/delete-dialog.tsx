import { useState } from 'react';
import { Field } from '../components/field.tsx';
import { FormDialog } from '../components/form-dialog.tsx';
import { useAction } from '../components/use-action.ts';
import type { Key } from '../data/key.ts';
import { deleteKey } from '../data/key-actions.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import styles from './delete-dialog.module.css';

/** Deletes a key after its label is typed. */
export function DeleteDialog({ value: key, onClose }: { value: Key; onClose: () => void }) {
  const { supabase } = useSession();
  const announce = useAnnounce();
  const [mistyped, setMistyped] = useState(false);
  const remove = useAction(async () => {
    await deleteKey(supabase, key.id);
    announce(`Key “${key.label}” deleted.`);
    onClose();
  });
  const check = (form: FormData) => {
    const typed = String(form.get('typed')).trim().normalize();
    const isOther = typed !== key.label.normalize();
    setMistyped(isOther);
    return isOther;
  };
  return (
    <FormDialog
      title="Delete key"
      onClose={onClose}
      action={remove}
      check={check}
      submit="Delete key"
      kind="danger"
    >
      <p>
        The gateway refuses the key and closes its open connections at once. Its usage and history
        are kept. Only an admin can restore it.
      </p>
      <p className={styles.label}>
        <bdi>{key.label}</bdi>
        <code>{key.key_id}</code>
      </p>
      <Field
        label="Type the label to delete the key"
        error={mistyped ? 'This does not match the label above.' : undefined}
      >
        <input name="typed" autoComplete="off" autoFocus dir="auto" required />
      </Field>
    </FormDialog>
  );
}
