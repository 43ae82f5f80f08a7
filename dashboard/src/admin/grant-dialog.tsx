import { Choice } from '../components/choice.tsx';
import { Dialog } from '../components/dialog.tsx';
import { Field } from '../components/field.tsx';
import { DialogForm, textOf } from '../components/form-dialog.tsx';
import { Loaded } from '../components/loaded.tsx';
import { useAction } from '../components/use-action.ts';
import { grantTier } from '../data/admin-actions.ts';
import type { Tier } from '../data/key.ts';
import { useTiers } from '../data/use-tiers.ts';
import { limitWords } from '../format/limits.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import { ReasonField, reasonOf } from './reason-field.tsx';

/** Grants a tier to a user, with a reason. */
export function GrantDialog({ onClose }: { onClose: () => void }) {
  const { supabase } = useSession();
  const announce = useAnnounce();
  const tiers = useTiers();
  const grant = useAction(async (form: FormData) => {
    const user = textOf(form, 'user');
    const tier = textOf(form, 'tier');
    await grantTier(supabase, { user, tier }, reasonOf(form));
    announce(`Tier ${tier} granted to ${user}.`);
    onClose();
  });
  return (
    <Dialog title="Grant tier" onClose={onClose}>
      <Loaded query={tiers} what="the tiers">
        {(all) => (
          <DialogForm onClose={onClose} action={grant} submit="Grant tier">
            <Field label="User" hint="A confirmed e-mail address or a user ID.">
              <input name="user" required autoComplete="off" spellCheck={false} autoFocus />
            </Field>
            <Choice legend="Tier" name="tier" options={optionsOf(all)} />
            <ReasonField hint="The user can read it." />
          </DialogForm>
        )}
      </Loaded>
    </Dialog>
  );
}

/** Tiers that need a grant come first. */
function optionsOf(tiers: Tier[]) {
  const sorted = tiers.toSorted((a, b) => Number(a.self_serve) - Number(b.self_serve));
  return sorted.map((one) => {
    const { tier, self_serve } = one;
    const limits = limitWords(one);
    return {
      value: tier,
      name: tier,
      hint: self_serve ? `${limits}. Open to all users without a grant.` : limits,
    };
  });
}
