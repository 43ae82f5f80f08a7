import { createHash, randomInt } from 'node:crypto';
import type postgres from 'postgres';
import { AuthRefusal } from './errors.ts';
import type { MailType } from './mailbox.ts';
import { findUser, isBanned, isOurs, type User, updateUser } from './users.ts';

/** Proof of a token: the hash from a link, or a typed code with the e-mail address. */
export type Proof = { tokenHash: string } | { email: string; code: string };

/** The prefix of a link's token that brings a code rather than a session. */
export const pkcePrefix = 'pkce_';

const lifetime = 3_600_000;

const columns = {
  signup: ['confirmation_token', 'confirmation_sent_at'],
  recovery: ['recovery_token', 'recovery_sent_at'],
  magiclink: ['recovery_token', 'recovery_sent_at'],
  email_change: ['email_change_token_new', 'email_change_sent_at'],
  reauthentication: ['reauthentication_token', 'reauthentication_sent_at'],
} as const;

/** Issues a user's next token of a type: the code for a mail to `to`, and the hash for its link. */
export async function issueToken(
  sql: postgres.Sql,
  user: User,
  type: MailType,
  options: { to: string; pkce: boolean; at: Date },
): Promise<{ code: string; tokenHash: string }> {
  const code = String(randomInt(1_000_000)).padStart(6, '0');
  const tokenHash = `${options.pkce ? pkcePrefix : ''}${hash(options.to, code)}`;
  const [token, sentAt] = columns[type];
  await sql`
    update auth.users set
      email_change = case when ${type === 'email_change'} then ${options.to} else email_change end,
      ${sql(token)} = ${tokenHash}, ${sql(sentAt)} = ${options.at}
    where id = ${user.id}`;
  return { code, tokenHash };
}

/** Redeems a token, and confirms the address that it was sent to. Refuses an invalid token. */
export async function redeemToken(
  sql: postgres.Sql,
  type: MailType,
  proof: Proof,
  at: Date,
): Promise<User> {
  const [token, sentAt] = columns[type];
  const hashes =
    'tokenHash' in proof
      ? [proof.tokenHash]
      : [hash(proof.email, proof.code), pkcePrefix + hash(proof.email, proof.code)];
  const sentAfter = new Date(at.getTime() - lifetime);
  const [row] = await sql<{ id: string }[]>`
    select u.id from auth.users u
    where ${isOurs(sql)} and u.${sql(token)} = any(${hashes})
      and u.${sql(sentAt)} > ${sentAfter}`;
  const user = row && (await findUser(sql, row.id));
  if (!user) throw expired();
  if (isBanned(user, at)) throw new AuthRefusal(403, 'user_banned', 'The user is banned.');
  const confirms = type !== 'reauthentication';
  // checks the token again, so that one of two concurrent requests is refused
  const [used] = await sql<{ changed: string }[]>`
    update auth.users set
      ${sql(token)} = '',
      email_confirmed_at = case
        when ${confirms} then coalesce(email_confirmed_at, ${at}) else email_confirmed_at end,
      updated_at = ${at}
    where id = ${user.id} and ${sql(token)} = any(${hashes})
    returning email_change as changed`;
  if (!used) throw expired();
  if (type !== 'email_change') return user;
  await updateUser(sql, user.id, { email: used.changed, confirmEmail: true }, at);
  return { ...user, email: used.changed };
}

/** The hash of a code, computed like Supabase Auth. */
function hash(email: string, code: string): string {
  return createHash('sha224').update(`${email}${code}`).digest('hex');
}

function expired(): AuthRefusal {
  return new AuthRefusal(403, 'otp_expired', 'The link or the code is wrong, used or expired.');
}
