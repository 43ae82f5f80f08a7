import { createClient, type Session, type SupabaseClient } from '@supabase/supabase-js';
import type { Database } from '../../../supabase/functions/_shared/database.types.ts';
import type { KnownConfiguration } from '../configuration.ts';

/** The supabase-js client, with the privileges of the signed-in user's token only. */
export type Supabase = SupabaseClient<Database>;

const baseKey = 'proxy-keys-session';

/**
 * The session's key in the browser's storage. One origin may host pages of several projects, and no
 * project may get another's tokens.
 */
export function sessionStorageKey({ supabaseUrl }: KnownConfiguration): string {
  return supabaseUrl === location.origin ? baseKey : `${baseKey}@${supabaseUrl}`;
}

/**
 * Creates the page's only client. A sign-in by link returns a code, so no token is in a URL;
 * session/mailed-link.ts reads the code, and the page asks before it changes the signed-in user.
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

/** Keeps answers off the browser's disk, so that none remain after a sign-out. */
const fetchUncached: typeof fetch = (input, init) => fetch(input, { ...init, cache: 'no-store' });

/** The session in the browser's storage, shared by all tabs; null if none exists. */
export function storedSession(configuration: KnownConfiguration): Session | null {
  return JSON.parse(localStorage.getItem(sessionStorageKey(configuration)) ?? 'null');
}

/** Revokes a session at the project, if the project can be reached. The browser keeps nothing of it. */
export async function revokeSession(
  configuration: KnownConfiguration,
  { access_token, refresh_token }: Session,
): Promise<void> {
  const { auth } = createClient(configuration.supabaseUrl, configuration.publishableKey, {
    auth: {
      // a separate client: two with one storage key would affect each other
      storageKey: `${baseKey}-ended-${Date.now()}`,
      persistSession: false,
      autoRefreshToken: false,
      detectSessionInUrl: false,
    },
    global: { fetch: fetchUncached },
  });
  // an expired token cannot revoke the session: this gets a new one
  const { error } = await auth.setSession({ access_token, refresh_token });
  if (!error) await auth.signOut({ scope: 'local' });
  await auth.dispose();
}
