import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import type { Database } from './database.types.ts';
import { problemOfDatabaseError } from './database-problem.ts';

type Functions = Database['public']['Functions'];

/** Whose request a call belongs to: the database takes both from the call's headers. */
export interface Caller {
  /** The user's access token; null calls as the anonymous role. */
  token: string | null;
  requestId: string;
}

/** Calls one RPC as `caller`. Throws a Problem where the database refuses. */
export type CallDatabase = <Name extends keyof Functions>(
  caller: Caller,
  name: Name,
  args?: Functions[Name]['Args'],
) => Promise<Functions[Name]['Returns']>;

/**
 * Keeps one supabase-js client for all requests of an isolate, with each call's token set on the
 * call: making a client takes longer than all that it does for a call.
 */
export function connectDatabase(url: string, publishableKey: string): CallDatabase {
  const client: SupabaseClient<Database> = createClient(url, publishableKey, {
    // no session is kept: the token is the caller's, on each call
    accessToken: async () => null,
  });
  return async (caller, name, args) => {
    let call = client.rpc(name, args).setHeader('X-Request-Id', caller.requestId).retry(false);
    if (caller.token) call = call.setHeader('Authorization', `Bearer ${caller.token}`);
    const { data, error, status } = await call;
    if (error) throw problemOfDatabaseError(error, status);
    return data as Functions[typeof name]['Returns'];
  };
}
