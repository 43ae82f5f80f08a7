import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import type { Database } from './database.types.ts';
import { problemOfDatabaseError, unavailable } from './database-problem.ts';

import { VersionWatch } from './schema-version.ts';

type Functions = Database['public']['Functions'];

/** The user and request behind a call: the database reads both from the call's headers. */
export interface Caller {
  /** The user's access token; null calls as the anonymous role. */
  token: string | null;
  requestId: string;
  /** Collects the headers of the database's responses that are forwarded to the caller. */
  headers: Headers;
}

/** Only the database knows these: its limits, and how much of each is left. */
const passedOn = ['RateLimit', 'RateLimit-Policy', 'Retry-After'];

/** Calls one RPC as `caller`. Throws a Problem if the database refuses. */
export type CallDatabase = <Name extends keyof Functions>(
  caller: Caller,
  name: Name,
  args?: Functions[Name]['Args'],
) => Promise<Functions[Name]['Returns']>;

/**
 * Keeps one supabase-js client for all requests of an isolate and sets the token on each call:
 * creating a client takes longer than a call. The client does not return headers, so its `fetch`
 * stores them for the caller, which it identifies by the call's abort signal.
 */
export function connectDatabase(url: string, publishableKey: string): CallDatabase {
  // the signal reaches `fetch` unchanged and is never aborted: it only identifies the call
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
    // no session is kept: each call carries its caller's token
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
