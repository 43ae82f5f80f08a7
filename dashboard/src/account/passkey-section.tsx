import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Button } from '../components/button.tsx';
import { Loading } from '../components/loading.tsx';
import { Notice } from '../components/notice.tsx';
import { dateTime } from '../format/time.ts';
import { Section } from '../key/section.tsx';
import { useAnnounce } from '../layout/announcer.tsx';
import { authWordsOf } from '../session/auth-words.ts';
import { useSession } from '../session/session-context.ts';
import styles from './account-page.module.css';
import { RemoveDialog } from './remove-dialog.tsx';

/** The passkeys that the user signs in with instead of the password. */
export function PasskeySection() {
  const { supabase, userId } = useSession();
  const announce = useAnnounce();
  const [removed, setRemoved] = useState<{ id: string; name: string }>();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string>();
  const query = useQuery({
    queryKey: ['passkeys', userId],
    queryFn: async () => {
      const { data, error } = await supabase.auth.passkey.list();
      if (error) throw error;
      return data;
    },
  });
  const passkeys = query.data ?? [];

  async function add() {
    setBusy(true);
    setFailure(undefined);
    const { error } = await supabase.auth.registerPasskey();
    setBusy(false);
    if (error) return setFailure(authWordsOf(error));
    announce('Passkey added.');
    await query.refetch();
  }

  async function remove(passkeyId: string) {
    const { error } = await supabase.auth.passkey.delete({ passkeyId });
    if (error) return error;
    announce('Passkey removed.');
    await query.refetch();
    return null;
  }

  return (
    <Section title="Passkeys" framed>
      <p>Sign in without a password, with a passkey on this device or on a security key.</p>
      {query.isPending && <Loading what="Loading your passkeys" />}
      {query.isError && <Notice kind="error">{authWordsOf(query.error)}</Notice>}
      {passkeys.length > 0 && (
        <ul className={styles.list}>
          {passkeys.map(({ id, friendly_name: name, created_at: at, last_used_at: used }) => (
            <li key={id}>
              <span>
                <bdi>{name || 'Passkey'}</bdi>
                <span className={styles.note}>
                  Added {dateTime(at)}
                  {used ? `, last used ${dateTime(used)}` : ''}
                </span>
              </span>
              <Button onClick={() => setRemoved({ id, name: name || 'Passkey' })}>
                Remove<span className="visually-hidden"> {name || 'Passkey'}</span>
              </Button>
            </li>
          ))}
        </ul>
      )}
      {failure && <Notice kind="error">{failure}</Notice>}
      <div>
        <Button busy={busy} onClick={() => void add()}>
          Add passkey
        </Button>
      </div>
      {removed && (
        <RemoveDialog
          what={removed.name}
          consequence="You can no longer sign in with it. Also remove it from the device."
          remove={() => remove(removed.id)}
          onClose={() => setRemoved(undefined)}
        />
      )}
    </Section>
  );
}
