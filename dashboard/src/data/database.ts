import { createClient, type Session, type SupabaseClient } from '@supabase/supabase-js';
import type { Database } from '../../../supabase/functions/_shared/database.types.ts';
import type { KnownConfiguration } from '../configuration.ts';

/** The project, through supabase-js with the signed-in user's token and no other privilege. */
export type Supabase = SupabaseClient<Database>;

const baseKey = 'proxy-keys-session';

/**
 * Where the browser's storage has the session. One origin may hold pages of several projects, and no
 * project may be sent another's tokens.
 */
export function sessionStorageKey({ supabaseUrl }: KnownConfiguration): string {
  return supabaseUrl === location.origin ? baseKey : `${baseKey}@${supabaseUrl}`;
}

/**
 * The one client of the page. A sign-in by link comes back with a code, so no token is in a URL; what
 * comes back is read by session/mailed-link.ts, which asks before it changes who is signed in.
 */
export function createSupabase(configuration: KnownConfiguration): Supabase {
  return createClient<Database>(configuration.supabaseUrl, configuration.publishableKey, {
    auth: {
      flowType: 'pkce',
      storageKey: sessionStorageKey(configuration),
      detectSessionInUrl: false,
    },
    global: { fetch: fetchUncached },
  });
}

/** No answer stays on the browser's disk: after a sign-out the machine has none of it. */
const fetchUncached: typeof fetch = (input, init) => fetch(input, { ...init, cache: 'no-store' });

/** The session that the browser's storage has now, for any tab; null without one. */
export function storedSession(configuration: KnownConfiguration): Session | null {
  return JSON.parse(localStorage.getItem(sessionStorageKey(configuration)) ?? 'null');
}

/** Ends a session at the project, where that can be reached. Nothing of it is kept in the browser. */
export async function revokeSession(
  configuration: KnownConfiguration,
  { access_token, refresh_token }: Session,
): Promise<void> {
  const { auth } = createClient(configuration.supabaseUrl, configuration.publishableKey, {
    auth: {
      // a client of its own: two of one name would share what they do
      storageKey: `${baseKey}-ended-${Date.now()}`,
      persistSession: false,
      autoRefreshToken: false,
      detectSessionInUrl: false,
    },
    global: { fetch: fetchUncached },
  });
  // a token that has expired cannot end anything: this gets another
  const { error } = await auth.setSession({ access_token, refresh_token });
  if (!error) await auth.signOut({ scope: 'local' });
  await auth.dispose();
}
