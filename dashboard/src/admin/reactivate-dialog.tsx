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

/** Reactivates a suspended or deleted key of any user. */
export function ReactivateDialog(props: { value: FoundKey; onClose: () => void }) {
  const { value: key, onClose } = props;
  const { supabase } = useSession();
  const announce = useAnnounce();
  const reactivate = useAction(async (form: FormData) => {
    await reactivateKey(supabase, key.id, reasonOf(form) || undefined);
    announce(`Key “${key.label}” reactivated.`);
    onClose();
  });
  const now = useNow(moment);
  const isExpired = key.expires_at !== null && Date.parse(key.expires_at) <= now;
  return (
    <FormDialog
      title="Reactivate key"
      onClose={onClose}
      action={reactivate}
      explain={explain}
      submit="Reactivate key"
    >
      <FoundKeyName value={key} />
      <p>
        The key’s secret works again. Anyone who has it can send traffic on the owner’s account.
      </p>
      {isExpired && (
        <Notice kind="warning">
          The key has also expired. The gateway refuses it until the owner sets a new expiry.
        </Notice>
      )}
      <ReasonField
        hint="Shown in the key’s history, which the owner can read."
        optional
        autoFocus
      />
    </FormDialog>
  );
}

const words: Record<string, string> = {
  key_limit_reached: 'The owner has reached the tier’s key limit and must delete a key first.',
  key_deleted: 'The owner’s account was removed, so the key stays deleted.',
};

/** These refusals concern the owner, not the admin. */
function explain({ code }: Refusal) {
  const own = words[code];
  return own ? <Notice kind="error">{own}</Notice> : undefined;
}
