import { type ReactNode, useState } from 'react';
import { Field } from '../components/field.tsx';
import { FormDialog } from '../components/form-dialog.tsx';
import { Notice } from '../components/notice.tsx';
import { useAction } from '../components/use-action.ts';
import type { Key } from '../data/key.ts';
import { changeKeys, type ManyChanges } from '../data/key-actions.ts';
import type { Refusal } from '../data/refusal.ts';
import { wordsOf } from '../data/refusal-words.ts';
import { counted } from '../format/amount.ts';
import { checkAllowedClients } from '../key/allowed-clients.ts';
import { ClientsField, readClients } from '../key/clients-field.tsx';
import { ExpiryFields, readExpiry } from '../key/expiry-fields.tsx';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import styles from './many-keys-dialog.module.css';

export type ManyKeysChange = 'delete' | 'expiry' | 'clients';

const words: Record<ManyKeysChange, { title: string; does: string; submit: string }> = {
  delete: {
    title: 'Delete',
    does: 'The gateway refuses the keys and closes their open connections at once. Their usage and history are kept. Only an admin can restore them.',
    submit: 'Delete',
  },
  expiry: {
    title: 'Set expiry of',
    does: 'When the keys expire, the gateway refuses them and closes their open connections. This replaces the current expiry of each key.',
    submit: 'Set expiry of',
  },
  clients: {
    title: 'Set allowed clients of',
    does: 'The gateway refuses clients at any other address. This replaces the current list of each key.',
    submit: 'Set allowed clients of',
  },
};

/** Applies one change to several keys: to all of them, or to none. */
export function ManyKeysDialog(props: {
  change: ManyKeysChange;
  keys: Key[];
  onChanged: () => void;
  onClose: () => void;
}) {
  const { change, keys, onChanged, onClose } = props;
  const { supabase } = useSession();
  const announce = useAnnounce();
  const [wrong, setWrong] = useState<string>();
  const { title, does, submit } = words[change];
  const howMany = counted(keys.length, 'key');
  const save = useAction(async (form: FormData) => {
    const ids = keys.map(({ id }) => id);
    await changeKeys(supabase, ids, changesOf(change, form));
    announce(change === 'delete' ? `${howMany} deleted.` : `${howMany} changed.`);
    onChanged();
    onClose();
  });
  const check = (form: FormData) => {
    const mistake = mistakeIn(change, form, keys.length);
    setWrong(mistake);
    return mistake;
  };
  return (
    <FormDialog
      title={`${title} ${howMany}`}
      onClose={onClose}
      action={save}
      check={check}
      explain={(refusal) => explain(refusal, keys)}
      submit={`${submit} ${howMany}`}
      kind={change === 'delete' ? 'danger' : 'primary'}
    >
      <p>{does}</p>
      {/* the list scrolls, also by keyboard */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard user must reach a scrollable list */}
      <ul tabIndex={0} aria-label="Selected keys" className={styles.keys}>
        {keys.map(({ id, key_id, label }) => (
          <li key={id}>
            <bdi>{label}</bdi> <code>{key_id}</code>
          </li>
        ))}
      </ul>
      {change === 'delete' && (
        <Field label={`Type ${keys.length} to delete the keys`} error={wrong}>
          <input name="typed" inputMode="numeric" autoComplete="off" autoFocus required />
        </Field>
      )}
      {change === 'expiry' && <ExpiryFields missing={wrong !== undefined} autoFocus />}
      {change === 'clients' && <ClientsField wrong={wrong} rows={4} autoFocus />}
    </FormDialog>
  );
}

function changesOf(change: ManyKeysChange, form: FormData): ManyChanges {
  if (change === 'delete') return { deleted: true };
  if (change === 'clients') return { allowed_ips: readClients(form) };
  return { expires_at: readExpiry(form, Date.now()) ?? null };
}

/** Returns the mistake in the fields, in words. */
function mistakeIn(change: ManyKeysChange, form: FormData, count: number): string | undefined {
  if (change === 'clients') return checkAllowedClients(readClients(form));
  if (change === 'expiry') {
    return readExpiry(form, Date.now()) === undefined ? 'missing' : undefined;
  }
  return String(form.get('typed')).trim() === String(count)
    ? undefined
    : 'This is not the number of keys above.';
}

/** Explains why no key was changed, and names the key that caused it. */
function explain(refusal: Refusal, keys: Key[]): ReactNode | undefined {
  const place = /^ids\.(\d+)$/.exec(refusal.detail ?? '')?.[1];
  const key = place === undefined ? undefined : keys[Number(place)];
  if (!key) return undefined;
  return (
    <Notice kind="error">
      <p>
        No keys were changed. The problem is <bdi>{key.label}</bdi> (<code>{key.key_id}</code>):{' '}
        {wordsOf(refusal)} Deselect this key, then try again.
      </p>
    </Notice>
  );
}
