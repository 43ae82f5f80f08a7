import type { Session } from '@supabase/supabase-js';
import { useQueryClient } from '@tanstack/react-query';
import {
  lazy,
  type ReactNode,
  Suspense,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import { Loading } from '../components/loading.tsx';
import { useConfiguration } from '../configuration-provider.tsx';
import {
  createSupabase,
  revokeSession,
  sessionStorageKey,
  storedSession,
} from '../data/database.ts';
import { factorsToProve, isAal2 } from './assurance.ts';
import { linkWordsOf } from './auth-words.ts';
import type { MailedLink } from './mailed-link.ts';
import { SessionContext, type SignedIn } from './session-context.ts';
import { SignInPage } from './sign-in-page.tsx';

const LinkPage = lazy(() => import('./link-page.tsx'));
const NewPasswordPage = lazy(() => import('./new-password-page.tsx'));
const SecondFactorPage = lazy(() => import('./second-factor-page.tsx'));

const ended = 'Your session has ended. Sign in to go on.';

/**
 * Shows what is inside to whom is signed in, with a second factor where they have one, and the way in to
 * everybody else. `mailedLink` is what the page was opened by.
 */
export function SessionProvider({
  mailedLink,
  children,
}: {
  mailedLink: MailedLink | null;
  children: ReactNode;
}) {
  const configuration = useConfiguration();
  const queryClient = useQueryClient();
  const [supabase] = useState(() => createSupabase(configuration));
  // undefined until the browser's storage was read
  const [session, setSession] = useState<Session | null>();
  const [notice, setNotice] = useState<string>();
  const [link, setLink] = useState(mailedLink);
  const [recovering, setRecovering] = useState(false);
  const linkIsOpen = useRef(link !== null);
  const shownTo = useRef<string>(undefined);
  // whose session ended, and where
  const left = useRef<{ userId: string; address: string }>(undefined);
  const leaving = useRef(false);

  const leaveLink = useCallback((failure?: string) => {
    linkIsOpen.current = false;
    setLink(null);
    setNotice(failure);
  }, []);

  useEffect(() => {
    const { data } = supabase.auth.onAuthStateChange((event, session) => {
      const next = session?.user ?? null;
      // only where it was asked for: another tab of the same user goes on with what it shows
      const isHere = linkIsOpen.current || !shownTo.current;
      if (event === 'PASSWORD_RECOVERY' && isHere) setRecovering(true);
      if (!next || event === 'USER_UPDATED') setRecovering(false);
      // another tab's refresh may be told of after a sign-out, which it does not undo
      const isNew = next && next.id !== shownTo.current;
      if (event === 'TOKEN_REFRESHED' && isNew && next.id !== storedSession(configuration)?.user.id)
        return;
      // nothing that one user read may be shown to the next
      if (next?.id !== shownTo.current) queryClient.clear();
      // nor what the address has, such as what was looked for, unless it is another by now
      const before = shownTo.current
        ? { userId: shownTo.current, address: location.href }
        : left.current;
      const isOfAnother = isNew && before && before.userId !== next.id;
      if (leaving.current || (isOfAnother && before.address === location.href))
        location.replace('#/');
      left.current = next ? undefined : before;
      shownTo.current = next?.id;
      if (event === 'SIGNED_OUT') setNotice(leaving.current ? undefined : ended);
      if (next) setNotice(undefined);
      leaving.current = false;
      // the way in says why; somebody who is in already gets a page of it
      if (event === 'INITIAL_SESSION' && !next && mailedLink?.kind === 'refused') {
        leaveLink(linkWordsOf(mailedLink.code));
      }
      setSession(session);
    });
    return () => data.subscription.unsubscribe();
  }, [supabase, configuration, queryClient, mailedLink, leaveLink]);

  const signedIn = useMemo((): SignedIn | null => {
    if (!session) return null;
    const { user } = session;
    return {
      supabase,
      userId: user.id,
      email: user.email ?? '',
      isAdmin: user.app_metadata.role === 'admin',
      hasSecondFactor: isAal2(session),
      async signOut() {
        leaving.current = true;
        const stored = storedSession(configuration);
        // first, as no answer may ever come: who leaves a machine must not stay signed in on it
        localStorage.removeItem(sessionStorageKey(configuration));
        // asks nobody now, and tells this page and those in other tabs
        await supabase.auth.signOut({ scope: 'local' });
        if (stored) await revokeSession(configuration, stored);
      },
      async signOutEverywhere() {
        leaving.current = true;
        const { error } = await supabase.auth.signOut({ scope: 'global' });
        if (error) leaving.current = false;
        return error;
      },
    };
  }, [supabase, configuration, session]);

  if (session === undefined) return null;
  if (link) {
    return (
      <Suspense fallback={<Loading />}>
        <LinkPage supabase={supabase} link={link} present={signedIn?.email} onDone={leaveLink} />
      </Suspense>
    );
  }
  if (!session || !signedIn) {
    return (
      <Suspense fallback={<Loading />}>
        <SignInPage supabase={supabase} notice={notice} />
      </Suspense>
    );
  }
  return (
    <SessionContext key={signedIn.userId} value={signedIn}>
      {inside(session)}
    </SessionContext>
  );

  function inside(current: Session): ReactNode {
    const factors = factorsToProve(current);
    if (factors.length === 0 && !recovering) return children;
    return (
      <Suspense fallback={<Loading />}>
        {factors.length > 0 ? (
          <SecondFactorPage factors={factors} />
        ) : (
          <NewPasswordPage onDone={() => setRecovering(false)} />
        )}
      </Suspense>
    );
  }
}
