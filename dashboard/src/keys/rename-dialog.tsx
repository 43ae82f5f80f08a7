import type { FormEvent } from 'react';
import { Button } from '../components/button.tsx';
import { Dialog, DialogButtons } from '../components/dialog.tsx';
import { Field } from '../components/field.tsx';
import { RefusalNotice } from '../components/refusal-notice.tsx';
import { useAction } from '../components/use-action.ts';
import type { Key } from '../data/key.ts';
import { updateKey } from '../data/key-actions.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';

/** Gives a key another label. */
export function RenameDialog({ value: key, onClose }: { value: Key; onClose: () => void }) {
  const { supabase } = useSession();
  const announce = useAnnounce();
  const rename = useAction(async (label: string) => {
    const renamed = await updateKey(supabase, key.id, { label });
    announce(`The key is called “${renamed.label}” now.`);
    onClose();
  });

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    void rename.run(String(new FormData(event.currentTarget).get('label')));
  };
  return (
    <Dialog title="Rename the key" onClose={onClose}>
      <form onSubmit={submit}>
        <Field label="Label" hint="Only the label changes: the key ID and the secret stay.">
          <input
            name="label"
            defaultValue={key.label}
            required
            maxLength={80}
            autoComplete="off"
            autoFocus
          />
        </Field>
        {rename.refusal && <RefusalNotice refusal={rename.refusal} />}
        <DialogButtons>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" busy={rename.busy}>
            Rename
          </Button>
        </DialogButtons>
      </form>
    </Dialog>
  );
}
