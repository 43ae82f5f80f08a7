import { useState } from 'react';
import { Link } from 'react-router';
import { v4 as uuid } from 'uuid';
import { Choice } from '../components/choice.tsx';
import { Dialog } from '../components/dialog.tsx';
import { Field } from '../components/field.tsx';
import { DialogForm } from '../components/form-dialog.tsx';
import { Loaded } from '../components/loaded.tsx';
import { Notice } from '../components/notice.tsx';
import { useAction } from '../components/use-action.ts';
import type { MintedKey, Tier } from '../data/key.ts';
import { mintKey } from '../data/key-actions.ts';
import { useGrantedTiers, useTiers } from '../data/use-tiers.ts';
import { limitWords } from '../format/limits.ts';
import { useSession } from '../session/session-context.ts';

/** Asks what a new key is to be, and mints it. */
export function MintDialog(props: { onClose: () => void; onMinted: (minted: MintedKey) => void }) {
  const { onClose, onMinted } = props;
  const { supabase } = useSession();
  const tiers = useTiers();
  // an answer that is lost must not become a second key when one tries again
  const [idempotencyKey] = useState(() => uuid());
  const mint = useAction(async (form: FormData) => {
    const wanted = {
      label: String(form.get('label')),
      tier: String(form.get('tier')),
      liveMode: form.get('mode') === 'live',
    };
    onMinted(await mintKey(supabase, wanted, idempotencyKey));
  });
  return (
    <Dialog title="New key" onClose={onClose}>
      <Loaded query={tiers} what="the tiers">
        {(all) => (
          <DialogForm
            onClose={onClose}
            action={mint}
            explain={({ code, detail }) =>
              code === 'already_done' ? <Lost id={detail} onClose={onClose} /> : undefined
            }
            submit="Create the key"
          >
            <Field
              label="Label"
              hint="What it is for: you will see it in lists. Up to 80 characters."
            >
              <input name="label" required maxLength={80} autoComplete="off" autoFocus />
            </Field>
            <TierChoice tiers={all} />
            <Choice
              legend="Mode"
              name="mode"
              options={[
                { value: 'live', name: 'Live', hint: 'For real traffic. Billed.' },
                { value: 'test', name: 'Test', hint: 'For trying out. Metered, never billed.' },
              ]}
            />
          </DialogForm>
        )}
      </Loaded>
    </Dialog>
  );
}

function TierChoice({ tiers }: { tiers: Tier[] }) {
  const granted = useGrantedTiers();
  const options = tiers.map((tier) => {
    const limits = limitWords(tier);
    const open = tier.self_serve || granted.data?.includes(tier.tier);
    return { value: tier.tier, name: tier.tier, hint: open ? limits : `${limits}. Needs a grant.` };
  });
  return <Choice legend="Tier" name="tier" options={options} />;
}

/** The key is there, and its secret went lost on its way here. */
function Lost({ id, onClose }: { id: string | undefined; onClose: () => void }) {
  return (
    <Notice kind="warning">
      The key was created, but its secret did not reach this page, and nobody has it now.{' '}
      <Link to={`/keys/${id}`} onClick={onClose}>
        Open the key
      </Link>{' '}
      and rotate it for a new secret.
    </Notice>
  );
}
