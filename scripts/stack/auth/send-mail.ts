import type { Context } from 'hono';
import type postgres from 'postgres';
import type { Flows } from './flows.ts';
import type { Mailbox, MailType } from './mailbox.ts';
import { issueToken } from './one-time-tokens.ts';
import type { User } from './users.ts';

/** The sign-in method that a session records, by the type of the link that was followed (PKCE). */
export const methods = {
  signup: 'email/signup',
  recovery: 'recovery',
  magiclink: 'magiclink',
  email_change: 'email_change',
} as const;

/** Sends a mail of a type to a user, as requested; an address change is sent to the new address. */
export type SendMail = (
  context: Context,
  user: User,
  type: MailType,
  asked: { code_challenge: string; code_challenge_method: string },
  to?: string,
) => Promise<void>;

/** Creates a function that sends mails to the mailbox. */
export function createSendMail(options: {
  sql: postgres.Sql;
  now: () => number;
  issuer: string;
  mailbox: Mailbox;
  flows: Flows;
}): SendMail {
  const { sql, now, issuer, mailbox, flows } = options;
  return async (c, user, type, asked, to = user.email) => {
    const pkce = asked.code_challenge !== '';
    if (pkce && type !== 'reauthentication') {
      const { code_challenge: challenge, code_challenge_method: challengeMethod } = asked;
      flows.start({ userId: user.id, method: methods[type], challenge, challengeMethod });
    }
    const { code, tokenHash } = await issueToken(sql, user, type, {
      to,
      pkce,
      at: new Date(now()),
    });
    const query = new URLSearchParams({
      token: tokenHash,
      type,
      redirect_to: redirectTarget(c, issuer),
    });
    const link = type === 'reauthentication' ? {} : { link: `${issuer}/verify?${query}` };
    mailbox.put({ to, type, code, ...link });
  };
}

/** The page that a link finally redirects to. Only pages on this machine are allowed. */
export function redirectTarget(c: Context, issuer: string): string {
  const site = new URL(issuer).origin;
  const asked = c.req.query('redirect_to') ?? '';
  if (!URL.canParse(asked)) return site;
  const { protocol, hostname } = new URL(asked);
  return protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(hostname)
    ? asked
    : site;
}
