import { FormDialog } from '../components/form-dialog.tsx';
import { useAction } from '../components/use-action.ts';
import { suspendKey } from '../data/admin-actions.ts';
import type { FoundKey } from '../data/key.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import { FoundKeyName } from './found-key-name.tsx';
import { ReasonField, reasonOf } from './reason-field.tsx';

/** Suspends a key of any user, with a reason. */
export function SuspendDialog({ value: key, onClose }: { value: FoundKey; onClose: () => void }) {
  const { supabase } = useSession();
  const announce = useAnnounce();
  const suspend = useAction(async (form: FormData) => {
    await suspendKey(supabase, key.id, reasonOf(form));
    announce(`Key “${key.label}” suspended.`);
    onClose();
  });
  return (
    <FormDialog
      title="Suspend key"
      onClose={onClose}
      action={suspend}
      submit="Suspend key"
      kind="danger"
    >
      <FoundKeyName value={key} />
      <p>
        The gateway refuses the key with 403 and closes its open connections at once. The key stays
        suspended until an admin reactivates it.
      </p>
      <ReasonField hint="The key’s owner can read it." autoFocus />
    </FormDialog>
  );
}
