import { FormDialog } from '../components/form-dialog.tsx';
import { Notice } from '../components/notice.tsx';
import { useAction } from '../components/use-action.ts';
import { reactivateKey } from '../data/admin-actions.ts';
import type { FoundKey } from '../data/key.ts';
import type { Refusal } from '../data/refusal.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import { moment, useNow } from '../usage-chart/use-now.ts';
import { FoundKeyName } from './found-key-name.tsx';
import { ReasonField, reasonOf } from './reason-field.tsx';

/** Puts a suspended or deleted key of any user back in service. */
export function ReactivateDialog(props: { value: FoundKey; onClose: () => void }) {
  const { value: key, onClose } = props;
  const { supabase } = useSession();
  const announce = useAnnounce();
  const reactivate = useAction(async (form: FormData) => {
    await reactivateKey(supabase, key.id, reasonOf(form) || undefined);
    announce(`The key “${key.label}” is reactivated.`);
    onClose();
  });
  const now = useNow(moment);
  const isExpired = key.expires_at !== null && Date.parse(key.expires_at) <= now;
  return (
    <FormDialog
      title="Reactivate the key"
      onClose={onClose}
      action={reactivate}
      explain={explain}
      submit="Reactivate the key"
    >
      <FoundKeyName value={key} />
      <p>Its old secret works again: anybody who has it can send traffic on the owner’s account.</p>
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
    </FormDialog>
  );
}

const words: Record<string, string> = {
  key_limit_reached:
    'Its owner has as many keys of this tier as it allows. The owner must delete one first.',
  key_deleted: 'The account of its owner was removed. The key stays deleted.',
};

/** These refusals are about the owner, not about who asks. */
function explain({ code }: Refusal) {
  const own = words[code];
  return own ? <Notice kind="error">{own}</Notice> : undefined;
}
