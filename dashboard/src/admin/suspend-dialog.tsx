import type { FormEvent } from 'react';
import { Button } from '../components/button.tsx';
import { Dialog, DialogButtons } from '../components/dialog.tsx';
import { RefusalNotice } from '../components/refusal-notice.tsx';
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
  const suspend = useAction(async (reason: string) => {
    await suspendKey(supabase, key.id, reason);
    announce(`The key “${key.label}” is suspended.`);
    onClose();
  });

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    void suspend.run(reasonOf(new FormData(event.currentTarget)));
  };
  return (
    <Dialog title="Suspend the key" onClose={onClose}>
      <form onSubmit={submit}>
        <FoundKeyName value={key} />
        <p>
          The gateway refuses it with 403 at once, and its open connections are closed. It stays so
          until an admin reactivates it.
        </p>
        <ReasonField hint="The owner of the key reads it." autoFocus />
        {suspend.refusal && <RefusalNotice refusal={suspend.refusal} />}
        <DialogButtons>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="danger" type="submit" busy={suspend.busy}>
            Suspend the key
          </Button>
        </DialogButtons>
      </form>
    </Dialog>
  );
}
