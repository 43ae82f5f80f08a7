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
import { EnrollFactor } from './enroll-factor.tsx';
import { RemoveDialog } from './remove-dialog.tsx';

/** The authenticator apps that the user signs in with, in addition to the password. */
export function FactorSection() {
  const { supabase, userId } = useSession();
  const announce = useAnnounce();
  const [adding, setAdding] = useState(false);
  const [removed, setRemoved] = useState<{ id: string; name: string }>();
  const query = useQuery({
    queryKey: ['factors', userId],
    queryFn: async () => {
      const { data, error } = await supabase.auth.mfa.listFactors();
      if (error) throw error;
      return data.all.filter(({ status }) => status === 'verified');
    },
  });
  const factors = query.data ?? [];

  async function remove(factorId: string) {
    const { error } = await supabase.auth.mfa.unenroll({ factorId });
    if (error) return error;
    // a new token reflects the session without the factor
    await supabase.auth.refreshSession();
    announce('Authenticator removed.');
    await query.refetch();
    return null;
  }

  return (
    <Section title="Second factor" framed>
      <p>
        {factors.length > 0
          ? 'Each sign-in asks for a code from an authenticator app.'
          : 'Add a code from an authenticator app to each sign-in.'}
      </p>
      {query.isPending && <Loading what="Loading your authenticators" />}
      {query.isError && <Notice kind="error">{authWordsOf(query.error)}</Notice>}
      {factors.length > 0 && (
        <ul className={styles.list}>
          {factors.map(({ id, friendly_name: name, created_at: at }) => (
            <li key={id}>
              <span>
                <bdi>{name || 'Authenticator'}</bdi>
                <span className={styles.note}>Added {dateTime(at)}</span>
              </span>
              <Button onClick={() => setRemoved({ id, name: name || 'Authenticator' })}>
                Remove<span className="visually-hidden"> {name || 'Authenticator'}</span>
              </Button>
            </li>
          ))}
        </ul>
      )}
      {adding ? (
        <EnrollFactor
          names={factors.map(({ friendly_name: name }) => name ?? '')}
          onClose={(added) => {
            setAdding(false);
            if (added) announce('Authenticator set up.');
            void query.refetch();
          }}
        />
      ) : (
        query.isSuccess && (
          <div>
            <Button onClick={() => setAdding(true)}>
              {factors.length > 0 ? 'Add another authenticator' : 'Set up authenticator'}
            </Button>
          </div>
        )
      )}
      {factors.length === 1 && !adding && (
        <p className={styles.note}>
          Add another one on another device, so that losing one does not lock you out.
        </p>
      )}
      {removed && (
        <RemoveDialog
          what={removed.name}
          consequence={
            factors.length === 1
              ? 'Sign-ins will no longer ask for a code. Also remove it from the app.'
              : 'Sign-ins will ask for a code from your other authenticators. Also remove it from the app.'
          }
          remove={() => remove(removed.id)}
          onClose={() => setRemoved(undefined)}
        />
      )}
    </Section>
  );
}
