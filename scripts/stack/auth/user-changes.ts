import type { Context } from 'hono';
import type postgres from 'postgres';
import { requireUser } from './callers.ts';
import { AuthRefusal } from './errors.ts';
import { redeemToken } from './one-time-tokens.ts';
import { hasPassword, requireStrength } from './passwords.ts';
import { bodies, readBody, readEmail } from './requests.ts';
import type { SendMail } from './send-mail.ts';
import { endOtherSessions, type Session } from './sessions.ts';
import type { Tokens } from './tokens.ts';
import { findByEmail, findUser, hasVerifiedFactor, type User, updateUser } from './users.ts';

/** Applies a user's changes to their own account: password, address, metadata. */
export async function changeUser(
  c: Context,
  options: {
    sql: postgres.Sql;
    tokens: Tokens;
    now: () => number;
    sendMail: SendMail;
    securePasswordChange: boolean;
  },
): Promise<Response> {
  const { sql, tokens, now, sendMail } = options;
  const at = new Date(now());
  const { user, session } = await requireUser(c, { sql, tokens, now });
  const { password, nonce, ...body } = await readBody(c, bodies.userChanges);
  if (body.app_metadata) {
    throw new AuthRefusal(403, 'not_admin', 'Only the secret key may change app_metadata.');
  }
  const email = body.email === '' ? user.email : readEmail(body.email);
  const isProtected = password !== undefined || email !== user.email;
  if (isProtected && hasVerifiedFactor(user) && session.aal !== 'aal2') {
    throw new AuthRefusal(401, 'insufficient_aal', 'This change requires the second factor.');
  }
  if (email !== user.email && (await findByEmail(sql, email))) {
    throw new AuthRefusal(422, 'email_exists', 'Another user has this e-mail address.');
  }
  if (password !== undefined) {
    requireStrength(password);
    if (options.securePasswordChange) await requireRecent(sql, user, session, { nonce, at });
    if (await hasPassword(sql, user.id, password)) {
      throw new AuthRefusal(422, 'same_password', 'This is the current password.');
    }
  }
  await sql.begin(async (tx) => {
    await updateUser(tx, user.id, { password, userMetadata: body.data }, at);
    if (password !== undefined) await endOtherSessions(tx, session);
  });
  // the address changes after its owner follows the link
  if (email !== user.email) await sendMail(c, user, 'email_change', body, email);
  return c.json(await findUser(sql, user.id));
}

/** Refuses a new password in a session older than a day, unless the request has a mailed code. */
async function requireRecent(
  sql: postgres.Sql,
  user: User,
  session: Session,
  options: { nonce: string; at: Date },
): Promise<void> {
  const { nonce, at } = options;
  if (at.getTime() - session.createdAt.getTime() < 86_400_000) return;
  if (nonce === '') {
    throw new AuthRefusal(400, 'reauthentication_needed', 'This requires a code sent by mail.');
  }
  const proof = { email: user.email, code: nonce };
  await redeemToken(sql, 'reauthentication', proof, at).catch(() => {
    throw new AuthRefusal(422, 'reauthentication_not_valid', 'The code is wrong or expired.');
  });
}
