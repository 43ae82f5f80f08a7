import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { AuthRefusal } from './errors.ts';

/** One sign-in of a user. */
export interface Session {
  id: string;
  userId: string;
  createdAt: Date;
  /** `aal2` after a second factor was verified. */
  aal: 'aal1' | 'aal2';
  /** The sign-in methods, latest first; times in seconds since the epoch. */
  amr: readonly { method: string; timestamp: number }[];
}

/** A session and its refresh token, which is in clear text only here. */
export interface Grant {
  session: Session;
  refreshToken: string;
}

// several tabs may send the same token at once: within this time, Supabase accepts all of them
const reuseMilliseconds = 10_000;

const hash = (token: string) => createHash('sha256').update(token).digest('hex');

/** Records a sign-in by a method and issues the session's first refresh token. */
export function startSession(
  sql: postgres.Sql,
  userId: string,
  method: string,
  at: Date,
): Promise<Grant> {
  return sql.begin(async (tx) => {
    const amr = [{ method, timestamp: Math.floor(at.getTime() / 1_000) }];
    const session: Session = { id: randomUUID(), userId, createdAt: at, aal: 'aal1', amr };
    await tx`
      insert into auth.sessions (id, user_id, created_at, updated_at, aal)
      values (${session.id}, ${userId}, ${at}, ${at}, 'aal1')`;
    await noteMethod(tx, session, method, at);
    await tx`
      update auth.users set last_sign_in_at = ${at}, updated_at = ${at} where id = ${userId}`;
    return { session, refreshToken: await addRefreshToken(tx, session, null, at) };
  });
}

/**
 * Exchanges a refresh token for the session's next one. Reuse of a token is a sign of theft and revokes
 * all tokens of the session, with two exceptions that each get a new token: reuse within ten seconds,
 * by another tab, and reuse of a token whose successor was never used, as the response was lost.
 */
export async function refreshSession(sql: postgres.Sql, token: string, at: Date): Promise<Grant> {
  const grant = await sql.begin(async (tx) => {
    const session = await lockSessionOf(tx, token, at);
    const [row] = await tx<{ revoked: boolean; updatedAt: Date; isLast: boolean | null }[]>`
      select t.revoked, t.updated_at as "updatedAt", t.token = (
        select active.parent from auth.refresh_tokens active
        where active.session_id = t.session_id and not active.revoked
        order by active.id desc limit 1
      ) as "isLast"
      from auth.refresh_tokens t where t.token = ${hash(token)}`;
    if (!row) throw unknownToken();
    const late = at.getTime() - row.updatedAt.getTime() > reuseMilliseconds;
    if (row.revoked && !row.isLast && late) {
      await tx`
        update auth.refresh_tokens set revoked = true, updated_at = ${at}
        where session_id = ${session.id} and not revoked`;
      return null;
    }
    await tx`
      update auth.refresh_tokens set revoked = true, updated_at = ${at}
      where token = ${hash(token)} and not revoked`;
    await tx`update auth.sessions set updated_at = ${at} where id = ${session.id}`;
    return { session, refreshToken: await addRefreshToken(tx, session, hash(token), at) };
  });
  // thrown outside the transaction, which would otherwise roll back the revocation
  if (!grant) {
    throw new AuthRefusal(400, 'refresh_token_already_used', 'The refresh token was already used.');
  }
  return grant;
}

/**
 * Raises a session to `aal2` with a factor, marks the factor as verified, and issues another refresh
 * token. Ends the user's sessions without a second factor, and deletes unverified factors.
 */
export async function proveFactor(
  sql: postgres.Sql,
  { id, userId }: Session,
  factorId: string,
  at: Date,
): Promise<Grant> {
  return sql.begin(async (tx) => {
    const [active] = await tx<{ token: string }[]>`
      select token from auth.refresh_tokens where session_id = ${id} and not revoked
      order by id desc limit 1 for update`;
    await tx`
      update auth.mfa_factors set status = 'verified', updated_at = ${at} where id = ${factorId}`;
    await tx`delete from auth.mfa_factors where user_id = ${userId} and status = 'unverified'`;
    await tx`
      update auth.sessions set aal = 'aal2', factor_id = ${factorId}, updated_at = ${at}
      where id = ${id}`;
    await tx`delete from auth.sessions where user_id = ${userId} and aal = 'aal1'`;
    const session = await findSession(tx, id, userId);
    if (!session) throw new AuthRefusal(403, 'session_not_found', 'The session has ended.');
    await noteMethod(tx, session, 'totp', at);
    await tx`
      update auth.refresh_tokens set revoked = true, updated_at = ${at}
      where session_id = ${id} and not revoked`;
    const refreshToken = await addRefreshToken(tx, session, active?.token ?? null, at);
    return { session: (await findSession(tx, id, userId)) ?? session, refreshToken };
  });
}

/** Lowers the sessions that a factor raised, when the factor is removed. */
export async function downgradeSessions(sql: postgres.ISql, factorId: string): Promise<void> {
  await sql`
    with lowered as (
      update auth.sessions set aal = 'aal1', factor_id = null where factor_id = ${factorId}
      returning id
    )
    delete from auth.mfa_amr_claims c using lowered
    where c.session_id = lowered.id and c.authentication_method = 'totp'`;
}

/** Finds a session of a user, unless it has ended. */
export async function findSession(
  sql: postgres.ISql,
  id: string,
  userId: string,
): Promise<Session | undefined> {
  const [session] = await sql<Session[]>`
    select ${columns(sql)} from auth.sessions s where s.id = ${id} and s.user_id = ${userId}`;
  return session;
}

/** Ends a session and deletes its refresh tokens. */
export async function endSession(sql: postgres.ISql, { id }: Session): Promise<void> {
  await sql`delete from auth.sessions where id = ${id}`;
}

/** Ends the user's other sessions. */
export async function endOtherSessions(sql: postgres.ISql, { id, userId }: Session): Promise<void> {
  await sql`delete from auth.sessions where user_id = ${userId} and id <> ${id}`;
}

/** Ends all sessions of a user. */
export async function endAllSessions(sql: postgres.ISql, userId: string): Promise<void> {
  await sql`delete from auth.sessions where user_id = ${userId}`;
}

/** Locks the session before its tokens, in the same order as when a session ends. */
async function lockSessionOf(
  tx: postgres.TransactionSql,
  token: string,
  at: Date,
): Promise<Session> {
  const [row] = await tx<(Session & { bannedUntil: Date | null })[]>`
    select ${columns(tx)}, u.banned_until as "bannedUntil"
    from auth.sessions s join auth.users u on u.id = s.user_id
    where s.id = (select session_id from auth.refresh_tokens where token = ${hash(token)})
    for update of s`;
  if (!row) throw unknownToken();
  if (row.bannedUntil && row.bannedUntil > at) {
    throw new AuthRefusal(400, 'user_banned', 'The user is banned.');
  }
  const { bannedUntil: _, ...session } = row;
  return session;
}

/** The columns of a `Session` in `auth.sessions s`. */
function columns(sql: postgres.ISql) {
  return sql`
    s.id, s.user_id as "userId", s.created_at as "createdAt", coalesce(s.aal, 'aal1') as aal,
    coalesce((
      select jsonb_agg(
        jsonb_build_object(
          'method', c.authentication_method,
          'timestamp', floor(extract(epoch from c.updated_at)))
        order by c.updated_at desc)
      from auth.mfa_amr_claims c where c.session_id = s.id
    ), '[]') as amr`;
}

/** Records a sign-in method of a session. */
async function noteMethod(
  tx: postgres.TransactionSql,
  { id }: Session,
  method: string,
  at: Date,
): Promise<void> {
  await tx`
    insert into auth.mfa_amr_claims (id, session_id, authentication_method, created_at, updated_at)
    values (${randomUUID()}, ${id}, ${method}, ${at}, ${at})
    on conflict (session_id, authentication_method) do update set updated_at = excluded.updated_at`;
}

async function addRefreshToken(
  tx: postgres.TransactionSql,
  session: Session,
  parent: string | null,
  at: Date,
): Promise<string> {
  const token = randomBytes(32).toString('base64url');
  await tx`
    insert into auth.refresh_tokens
      (instance_id, token, user_id, revoked, created_at, updated_at, parent, session_id)
    values
      ('00000000-0000-0000-0000-000000000000', ${hash(token)}, ${session.userId}, false,
       ${at}, ${at}, ${parent}, ${session.id})`;
  return token;
}

function unknownToken(): AuthRefusal {
  return new AuthRefusal(400, 'refresh_token_not_found', 'No session has this refresh token.');
}
