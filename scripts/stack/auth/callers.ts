import type { Context } from 'hono';
import type postgres from 'postgres';
import { AuthRefusal } from './errors.ts';
import { isUuid } from './requests.ts';
import { findSession, type Session } from './sessions.ts';
import type { Tokens } from './tokens.ts';
import { findUser, isBanned, type User } from './users.ts';

/** Refuses callers without a token of the role behind the secret key. */
export async function requireAdmin(context: Context, tokens: Tokens): Promise<void> {
  const claims = await tokens.verify(bearerOf(context));
  if (claims.role !== 'service_role') {
    throw new AuthRefusal(403, 'not_admin', 'This needs the secret key.');
  }
}

/** Finds the user and the session of the access token, or refuses it. */
export async function requireUser(
  context: Context,
  options: { sql: postgres.Sql; tokens: Tokens; now: () => number },
): Promise<{ user: User; session: Session }> {
  const { sub, session_id: sessionId } = await options.tokens.verify(bearerOf(context));
  if (!isUuid(sub) || !isUuid(sessionId)) {
    throw new AuthRefusal(403, 'bad_jwt', 'The token is not the access token of a user.');
  }
  const user = await findUser(options.sql, sub);
  if (!user) throw new AuthRefusal(403, 'user_not_found', 'The user of the token is gone.');
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
  throw new AuthRefusal(401, 'no_authorization', 'This needs a bearer token.');
}
