import type { Context } from 'hono';
import type postgres from 'postgres';
import { AuthRefusal } from './errors.ts';
import { isUuid } from './requests.ts';
import { findSession, type Session } from './sessions.ts';
import type { Tokens } from './tokens.ts';
import { findUser, isBanned, type User } from './users.ts';

/** Refuses callers without a token of the secret key's role. */
export async function requireAdmin(context: Context, tokens: Tokens): Promise<void> {
  const claims = await tokens.verify(bearerOf(context));
  if (claims.role !== 'service_role') {
    throw new AuthRefusal(403, 'not_admin', 'This requires the secret key.');
  }
}

/** Returns the user and session of the access token, or refuses it. */
export async function requireUser(
  context: Context,
  options: { sql: postgres.Sql; tokens: Tokens; now: () => number },
): Promise<{ user: User; session: Session }> {
  const { sub, session_id: sessionId } = await options.tokens.verify(bearerOf(context));
  if (!isUuid(sub) || !isUuid(sessionId)) {
    throw new AuthRefusal(403, 'bad_jwt', "The token is not a user's access token.");
  }
  const user = await findUser(options.sql, sub);
  if (!user) throw new AuthRefusal(403, 'user_not_found', "The token's user was deleted.");
  const session = await findSession(options.sql, sessionId, sub);
  if (!session) throw new AuthRefusal(403, 'session_not_found', 'The session has ended.');
  if (isBanned(user, new Date(options.now()))) {
    throw new AuthRefusal(403, 'user_banned', 'The user is banned.');
  }
  return { user, session };
}

function bearerOf(context: Context): string {
  const token = /^bearer (\S+)$/i.exec(context.req.header('authorization') ?? '')?.[1];
  if (token) return token;
  throw new AuthRefusal(401, 'no_authorization', 'This requires a bearer token.');
}
