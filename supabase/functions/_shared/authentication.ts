import { type resolveEnv, verifyCredentials } from '@supabase/server/core';
import { createCheckedTokens } from './checked-tokens.ts';
import { Problem } from './problem.ts';

/** Returns a request's access token if it is a user's and valid; throws a Problem otherwise. */
export type Authenticate = (request: Request) => Promise<string>;

/** A project's URL, keys and JWKS, as `resolveEnv` returns them. */
type ProjectEnvironment = NonNullable<ReturnType<typeof resolveEnv>['data']>;

/** Checks tokens against the project's keys: those in `env`, or those that its URL publishes. */
export function createAuthenticate(env: ProjectEnvironment): Authenticate {
  // keys at a URL are read again after at most ten minutes, keys in the environment never
  const checked = createCheckedTokens(env.jwks instanceof URL ? 600_000 : undefined);
  return async (request) => {
    const token = /^Bearer +(\S+)$/i.exec(request.headers.get('Authorization') ?? '')?.[1];
    if (!token) {
      throw new Problem('unauthorized', {
        detail: 'Send a Supabase access token as `Authorization: Bearer <token>`.',
      });
    }
    if (checked.has(token)) return token;
    const verified = await verifyCredentials({ token, apikey: null }, { auth: 'user', env });
    // another role's token may be validly signed but is not a user's: the database grants it nothing
    if (verified.data?.userClaims?.role === 'authenticated') {
      checked.add(token, verified.data.jwtClaims?.exp);
      return token;
    }
    if (!verified.error || verified.error.status === 401) {
      throw new Problem('unauthorized', {
        detail: 'The access token is not valid or has expired: sign in again.',
      });
    }
    throw new Problem('unavailable', {
      detail: 'Access tokens cannot be checked right now: try again shortly.',
      headers: { 'Retry-After': '2' },
      cause: verified.error,
    });
  };
}
