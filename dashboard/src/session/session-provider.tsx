import type { Session } from '@supabase/supabase-js';
import { useQueryClient } from '@tanstack/react-query';
import {
  Fragment,
  lazy,
  type ReactNode,
  Suspense,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import { useConfiguration } from '../configuration-provider.tsx';
import {
  createSupabase,
  revokeSession,
  sessionStorageKey,
  storedSession,
} from '../data/database.ts';
import { factorsToProve, isAal2 } from './assurance.ts';
import type { MailedLink } from './mailed-link.ts';
import { SessionContext, type SignedIn } from './session-context.ts';

const WayIn = lazy(() => import('./way-in.tsx'));

const ended = 'Your session has ended. Sign in to continue.';

/**
 * Renders its children for a signed-in user, after the second factor if the user has one, and the
 * sign-in pages otherwise. `mailedLink` is the link that opened the page, if any.
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
  // undefined until the browser's storage has been read
  const [session, setSession] = useState<Session | null>();
  const [notice, setNotice] = useState<string>();
  const [link, setLink] = useState(mailedLink);
  const [recovering, setRecovering] = useState(false);
  const linkIsOpen = useRef(link !== null);
  const shownTo = useRef<string>(undefined);
  // the user whose session ended, and the URL at that time
  const left = useRef<{ userId: string; address: string }>(undefined);
  const leaving = useRef(false);

  useEffect(() => {
    const { data } = supabase.auth.onAuthStateChange((event, session) => {
      const next = session?.user ?? null;
      // only in the tab that requested it: the user's other tabs continue as they are
      const isHere = linkIsOpen.current || !shownTo.current;
      if (event === 'PASSWORD_RECOVERY' && isHere) setRecovering(true);
      if (!next || event === 'USER_UPDATED') setRecovering(false);
      // another tab's token refresh may arrive after a sign-out and must not undo it
      const isNew = next && next.id !== shownTo.current;
      if (event === 'TOKEN_REFRESHED' && isNew && next.id !== storedSession(configuration)?.user.id)
        return;
      // no data of one user may be shown to the next
      if (next?.id !== shownTo.current) queryClient.clear();
      // nor the URL, such as its filters, unless it has changed since
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
      setSession(session);
    });
    return () => data.subscription.unsubscribe();
  }, [supabase, configuration, queryClient]);

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
        // first, because the request may never be answered: the user must not stay signed in on this
        // machine
        localStorage.removeItem(sessionStorageKey(configuration));
        // without a stored session this sends no request, and notifies this page and other tabs
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
  const factors = session ? factorsToProve(session) : [];
  const isIn = signedIn && !link && factors.length === 0 && !recovering;
  return (
    <SessionContext value={signedIn}>
      {isIn ? (
        <Fragment key={signedIn.userId}>{children}</Fragment>
      ) : (
        <Suspense>
          <WayIn
            supabase={supabase}
            link={link}
            leaveLink={(failure) => {
              linkIsOpen.current = false;
              setLink(null);
              setNotice(failure);
            }}
            notice={notice}
            factors={factors}
            onNewPassword={() => setRecovering(false)}
          />
        </Suspense>
      )}
    </SessionContext>
  );
}
