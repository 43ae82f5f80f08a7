import type { FormEvent } from 'react';
import { Button } from '../components/button.tsx';
import { Dialog, DialogButtons } from '../components/dialog.tsx';
import { Notice } from '../components/notice.tsx';
import { RefusalNotice } from '../components/refusal-notice.tsx';
import { useAction } from '../components/use-action.ts';
import { reactivateKey } from '../data/admin-actions.ts';
import type { FoundKey } from '../data/key.ts';
import type { Refusal } from '../data/refusal.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import { FoundKeyName } from './found-key-name.tsx';
import { ReasonField, reasonOf } from './reason-field.tsx';

/** Puts a suspended or deleted key of any user back in service. */
export function ReactivateDialog(props: { value: FoundKey; onClose: () => void }) {
  const { value: key, onClose } = props;
  const { supabase } = useSession();
  const announce = useAnnounce();
  const reactivate = useAction(async (reason: string) => {
    await reactivateKey(supabase, key.id, reason || undefined);
    announce(`The key “${key.label}” is reactivated.`);
    onClose();
  });

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    void reactivate.run(reasonOf(new FormData(event.currentTarget)));
  };
  const isExpired = key.expires_at !== null && Date.parse(key.expires_at) <= Date.now();
  return (
    <Dialog title="Reactivate the key" onClose={onClose}>
      <form onSubmit={submit}>
        <FoundKeyName value={key} />
        <p>
          The secret that it had works again: whoever has it can send traffic, on the owner’s
          account.
        </p>
        {isExpired && (
          <Notice kind="warning">
            It has expired too. The gateway refuses it until its owner gives it another expiry.
          </Notice>
        )}
        <ReasonField
          hint="It is in the key’s history, which its owner can read."
          optional
          autoFocus
        />
        {reactivate.refusal && <ReactivateRefusal refusal={reactivate.refusal} />}
        <DialogButtons>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" busy={reactivate.busy}>
            Reactivate the key
          </Button>
        </DialogButtons>
      </form>
    </Dialog>
  );
}

const words: Record<string, string> = {
  key_limit_reached:
    'Its owner has as many keys of this tier as it allows. The owner must delete one first.',
  key_deleted: 'The account of its owner was removed. The key stays deleted.',
};

/** These refusals are about the owner, not about who asks. */
function ReactivateRefusal({ refusal }: { refusal: Refusal }) {
  const own = words[refusal.code];
  return own ? <Notice kind="error">{own}</Notice> : <RefusalNotice refusal={refusal} />;
}
