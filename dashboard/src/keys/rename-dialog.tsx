import { Field } from '../components/field.tsx';
import { FormDialog } from '../components/form-dialog.tsx';
import { useAction } from '../components/use-action.ts';
import type { Key } from '../data/key.ts';
import { updateKey } from '../data/key-actions.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';

/** Changes a key's label. */
export function RenameDialog({ value: key, onClose }: { value: Key; onClose: () => void }) {
  const { supabase } = useSession();
  const announce = useAnnounce();
  const rename = useAction(async (form: FormData) => {
    const renamed = await updateKey(supabase, key.id, { label: String(form.get('label')) });
    announce(`Key renamed to “${renamed.label}”.`);
    onClose();
  });
  return (
    <FormDialog title="Rename key" onClose={onClose} action={rename} submit="Rename">
      <Field label="Label" hint="Only the label changes. The key ID and the secret stay the same.">
        <input
          name="label"
          defaultValue={key.label}
          required
          maxLength={80}
          autoComplete="off"
          autoFocus
        />
      </Field>
    </FormDialog>
  );
}
