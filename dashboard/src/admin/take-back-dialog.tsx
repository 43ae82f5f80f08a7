import { FormDialog } from '../components/form-dialog.tsx';
import { useAction } from '../components/use-action.ts';
import { revokeTier } from '../data/admin-actions.ts';
import type { TierGrant } from '../data/key.ts';
import { useTiers } from '../data/use-tiers.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import styles from './found-key-name.module.css';
import { ReasonField, reasonOf } from './reason-field.tsx';

/** Revokes a tier from a user, with a reason. */
export function TakeBackDialog({ value, onClose }: { value: TierGrant; onClose: () => void }) {
  const { supabase } = useSession();
  const announce = useAnnounce();
  const isOpenToAll = useTiers().data?.find(({ tier }) => tier === value.tier)?.self_serve;
  const user = value.email ?? value.user_id;
  const takeBack = useAction(async (form: FormData) => {
    await revokeTier(supabase, { user: value.user_id, tier: value.tier }, reasonOf(form));
    announce(`Tier ${value.tier} revoked from ${user}.`);
    onClose();
  });
  return (
    <FormDialog
      title={`Revoke tier ${value.tier}`}
      onClose={onClose}
      action={takeBack}
      submit="Revoke tier"
      kind="danger"
    >
      <p className={styles.name}>
        <bdi>{user}</bdi>
      </p>
      <p>
        {isOpenToAll
          ? 'This tier is open to all users: the user can still create keys of it.'
          : 'The user can no longer create keys of this tier.'}{' '}
        Existing keys keep working. Suspend the keys that should stop.
      </p>
      <ReasonField hint="The user can read it." autoFocus />
    </FormDialog>
  );
}
