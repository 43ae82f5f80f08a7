import type { User } from '@supabase/supabase-js';
import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { useConfiguration } from '../configuration-provider.tsx';
import {
  createSupabase,
  revokeSession,
  sessionStorageKey,
  storedSession,
} from '../data/database.ts';
import { SessionContext, type SignedIn } from './session-context.ts';
import { SignInPage } from './sign-in-page.tsx';

/** Shows what is inside to whom is signed in, and the way in to everybody else. */
export function SessionProvider({ children }: { children: ReactNode }) {
  const configuration = useConfiguration();
  const queryClient = useQueryClient();
  const [supabase] = useState(() => createSupabase(configuration));
  // undefined until the browser's storage was read
  const [user, setUser] = useState<User | null>();
  const [ended, setEnded] = useState(false);
  const shownTo = useRef<string>(undefined);
  // whose session ended, and where
  const left = useRef<{ userId: string; address: string }>(undefined);
  const leaving = useRef(false);

  useEffect(() => {
    const { data } = supabase.auth.onAuthStateChange((event, session) => {
      const next = session?.user ?? null;
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
      if (event === 'SIGNED_OUT') setEnded(!leaving.current);
      if (next) setEnded(false);
      leaving.current = false;
      setUser(next);
    });
    return () => data.subscription.unsubscribe();
  }, [supabase, configuration, queryClient]);

  const signedIn = useMemo((): SignedIn | null => {
    if (!user) return null;
    return {
      supabase,
      userId: user.id,
      email: user.email ?? '',
      isAdmin: user.app_metadata.role === 'admin',
      async signOut() {
        leaving.current = true;
        const session = storedSession(configuration);
        // first, as no answer may ever come: who leaves a machine must not stay signed in on it
        localStorage.removeItem(sessionStorageKey(configuration));
        // asks nobody now, and tells this page and those in other tabs
        await supabase.auth.signOut({ scope: 'local' });
        if (session) await revokeSession(configuration, session);
      },
    };
  }, [supabase, configuration, user]);

  if (user === undefined) return null;
  if (!signedIn) return <SignInPage supabase={supabase} ended={ended} />;
  return (
    <SessionContext key={signedIn.userId} value={signedIn}>
      {children}
    </SessionContext>
  );
}
