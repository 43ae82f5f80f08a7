import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import type { Database } from './database.types.ts';
import { problemOfDatabaseError, unavailable } from './database-problem.ts';

import { VersionWatch } from './schema-version.ts';

type Functions = Database['public']['Functions'];

/** Whose request a call belongs to: the database takes both from the call's headers. */
export interface Caller {
  /** The user's access token; null calls as the anonymous role. */
  token: string | null;
  requestId: string;
  /** Takes up what the database's answers say that the caller's answer is to say too. */
  headers: Headers;
}

/** What the database alone knows: its limits, and how much of them is left. */
const passedOn = ['RateLimit', 'RateLimit-Policy', 'Retry-After'];

/** Calls one RPC as `caller`. Throws a Problem where the database refuses. */
export type CallDatabase = <Name extends keyof Functions>(
  caller: Caller,
  name: Name,
  args?: Functions[Name]['Args'],
) => Promise<Functions[Name]['Returns']>;

/**
 * Keeps one supabase-js client for all requests of an isolate, with each call's token set on the
 * call: making a client takes longer than all that it does for a call. The client returns no headers,
 * so its `fetch` takes them for the caller whose abort signal the call has.
 */
export function connectDatabase(url: string, publishableKey: string): CallDatabase {
  // the signal is passed to `fetch` as it is, and is never aborted: it tells one call from another
  const callers = new WeakMap<AbortSignal, Caller>();
  const client: SupabaseClient<Database> = createClient(url, publishableKey, {
    global: {
      fetch: async (input, init) => {
        const response = await fetch(input, init);
        const caller = init?.signal ? callers.get(init.signal) : undefined;
        for (const name of passedOn) {
          const value = response.headers.get(name);
          if (value !== null) caller?.headers.set(name, value);
        }
        return response;
      },
    },
    // no session is kept: the token is the caller's, on each call
    accessToken: async () => null,
  });
  const versions = new VersionWatch(async (token) => {
    const { data, error } = await client
      .rpc('proxy_schema_version')
      .setHeader('Authorization', `Bearer ${token}`)
      .retry(false);
    // no such function
    if (error?.code === 'PGRST202') return null;
    if (error) throw error;
    const { version, oldest_functions_version: oldestFunctionsVersion } = data;
    return { version: Number(version), oldestFunctionsVersion: Number(oldestFunctionsVersion) };
  });
  return async (caller, name, args) => {
    const mismatch = caller.token ? versions.check(caller.token) : null;
    if (mismatch) throw unavailable(mismatch);
    const { signal } = new AbortController();
    callers.set(signal, caller);
    let call = client
      .rpc(name, args)
      .abortSignal(signal)
      .setHeader('X-Request-Id', caller.requestId)
      .retry(false);
    if (caller.token) call = call.setHeader('Authorization', `Bearer ${caller.token}`);
    const { data, error, status } = await call;
    if (error) throw problemOfDatabaseError(error, status);
    return data as Functions[typeof name]['Returns'];
  };
}
