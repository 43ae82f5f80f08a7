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
import { checkAllowedClients } from '../key/allowed-clients.ts';
import { ClientsField, readClients } from '../key/clients-field.tsx';
import { ExpiryFields, readExpiry } from '../key/expiry-fields.tsx';
import { useSession } from '../session/session-context.ts';
import styles from './mint-dialog.module.css';

/** Asks for a new key's properties and mints it. */
export function MintDialog(props: { onClose: () => void; onMinted: (minted: MintedKey) => void }) {
  const { onClose, onMinted } = props;
  const { supabase } = useSession();
  const tiers = useTiers();
  // a retry after a lost answer must not create a second key
  const [idempotencyKey] = useState(() => uuid());
  const [missing, setMissing] = useState(false);
  const [wrong, setWrong] = useState<string>();
  // a retry must send the same expiry
  const [openedAt] = useState(() => Date.now());
  const mint = useAction(async (form: FormData) => {
    const wanted = {
      label: String(form.get('label')),
      tier: String(form.get('tier')),
      liveMode: form.get('mode') === 'live',
      allowedIps: readClients(form),
      expiresAt: readExpiry(form, openedAt) ?? null,
    };
    onMinted(await mintKey(supabase, wanted, idempotencyKey));
  });
  const check = (form: FormData) => {
    const isMissing = readExpiry(form, openedAt) === undefined;
    const mistake = checkAllowedClients(readClients(form));
    setMissing(isMissing);
    setWrong(mistake);
    return isMissing || mistake;
  };
  return (
    <Dialog title="Create key" onClose={onClose}>
      <Loaded query={tiers} what="the tiers">
        {(all) => (
          <DialogForm
            onClose={onClose}
            action={mint}
            check={check}
            explain={({ code, detail }) =>
              code === 'already_done' ? <Lost id={detail} onClose={onClose} /> : undefined
            }
            submit="Create key"
          >
            <Field label="Label" hint="What the key is for. Up to 80 characters.">
              <input name="label" required maxLength={80} autoComplete="off" autoFocus />
            </Field>
            <TierChoice tiers={all} />
            <Choice
              legend="Mode"
              name="mode"
              options={[
                { value: 'live', name: 'Live', hint: 'For real traffic. Billed.' },
                { value: 'test', name: 'Test', hint: 'For testing. Metered, never billed.' },
              ]}
            />
            <details
              className={styles.more}
              // an error inside must be visible
              {...(missing || wrong ? { open: true } : {})}
            >
              <summary>Expiry and allowed clients</summary>
              <div>
                <ExpiryFields missing={missing} />
                <ClientsField wrong={wrong} rows={3} />
              </div>
            </details>
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

/** The key exists, but its secret was lost on the way to the page. */
function Lost({ id, onClose }: { id: string | undefined; onClose: () => void }) {
  return (
    <Notice kind="warning">
      The key was created, but its secret did not reach this page and cannot be read again.{' '}
      <Link to={`/keys/${id}`} onClick={onClose}>
        Open the key
      </Link>{' '}
      and rotate its secret.
    </Notice>
  );
}
