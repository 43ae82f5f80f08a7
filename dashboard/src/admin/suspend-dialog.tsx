import { FormDialog } from '../components/form-dialog.tsx';
import { useAction } from '../components/use-action.ts';
import { suspendKey } from '../data/admin-actions.ts';
import type { FoundKey } from '../data/key.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import { FoundKeyName } from './found-key-name.tsx';
import { ReasonField, reasonOf } from './reason-field.tsx';

/** Takes a key of any user out of service, with a reason. */
export function SuspendDialog({ value: key, onClose }: { value: FoundKey; onClose: () => void }) {
  const { supabase } = useSession();
  const announce = useAnnounce();
  const suspend = useAction(async (form: FormData) => {
    await suspendKey(supabase, key.id, reasonOf(form));
    announce(`The key “${key.label}” is suspended.`);
    onClose();
  });
  return (
    <FormDialog
      title="Suspend the key"
      onClose={onClose}
      action={suspend}
      submit="Suspend the key"
      kind="danger"
    >
      <FoundKeyName value={key} />
      <p>
        The gateway refuses it with 403 at once, and its open connections are closed. It stays so
        until an admin reactivates it.
      </p>
      <ReasonField hint="The owner of the key reads it." autoFocus />
    </FormDialog>
  );
}
