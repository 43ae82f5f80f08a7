import { type Context, Hono } from 'hono';
import type postgres from 'postgres';
import { requireUser } from './callers.ts';
import { AuthRefusal, notInStandIn } from './errors.ts';
import type { Flows } from './flows.ts';
import type { Mailbox, MailType } from './mailbox.ts';
import { issueToken, pkcePrefix, redeemToken } from './one-time-tokens.ts';
import { bodies, readBody, readEmail } from './requests.ts';
import { type Grant, startSession } from './sessions.ts';
import type { SignedInAnswer, Tokens } from './tokens.ts';
import { createUser, findByEmail, type User } from './users.ts';

/** How a session says that its user signed in, by the type of the link that was followed (PKCE). */
const methods = { signup: 'email/signup', recovery: 'recovery', magiclink: 'magiclink' } as const;

/** The routes that send mails, and those that their links and codes lead to. */
export function createMailedRoutes(options: {
  sql: postgres.Sql;
  tokens: Tokens;
  now: () => number;
  issuer: string;
  mailbox: Mailbox;
  flows: Flows;
  answerOf: (grant: Grant) => Promise<SignedInAnswer>;
}): Hono {
  const { sql, tokens, now, issuer, mailbox, flows, answerOf } = options;
  const app = new Hono();

  app.post('/recover', async (c) => {
    const body = await readBody(c, bodies.mailed);
    const user = await findByEmail(sql, readEmail(body.email));
    // answered alike: who has an account is nobody's business
    if (user) await send(c, user, 'recovery', body);
    return c.json({});
  });

  app.post('/otp', async (c) => {
    const body = await readBody(c, bodies.otp);
    const email = readEmail(body.email);
    const known = await findByEmail(sql, email);
    if (!known && !body.create_user) {
      throw new AuthRefusal(422, 'otp_disabled', 'Signing up is not done by this.');
    }
    const at = new Date(now());
    const user =
      known ??
      (await createUser(
        sql,
        { email, signsUp: true, confirmEmail: true, userMetadata: body.data },
        at,
      ));
    if (user) await send(c, user, 'magiclink', body);
    return c.json({});
  });

  app.post('/resend', async (c) => {
    const body = await readBody(c, bodies.mailed);
    if (body.type !== 'signup') throw notInStandIn();
    const user = await findByEmail(sql, readEmail(body.email));
    if (user && !user.email_confirmed_at) await send(c, user, 'signup', body);
    return c.json({});
  });

  app.get('/reauthenticate', async (c) => {
    const { user } = await requireUser(c, { sql, tokens, now });
    await send(c, user, 'reauthentication', { code_challenge: '', code_challenge_method: '' });
    return c.json({});
  });

  app.get('/verify', async (c) => {
    const token = c.req.query('token') ?? '';
    const pkce = token.startsWith(pkcePrefix);
    const target = new URL(redirectTarget(c));
    try {
      const type = readType(c.req.query('type'));
      const user = await redeemToken(sql, type, { tokenHash: token }, new Date(now()));
      if (pkce) {
        target.searchParams.set('code', flows.codeOf(user.id, methods[type]));
      } else {
        const { user: _, ...answer } = await answerOf(await start(user, 'otp'));
        const values = Object.entries({ ...answer, type }).map(([name, value]) => [
          name,
          `${value}`,
        ]);
        target.hash = `${new URLSearchParams(values)}`;
      }
    } catch (error) {
      if (!(error instanceof AuthRefusal)) throw error;
      const words = {
        error: 'access_denied',
        error_code: error.code,
        error_description: error.message,
      };
      if (pkce)
        for (const [name, value] of Object.entries(words)) target.searchParams.set(name, value);
      target.hash = `${new URLSearchParams({ ...words, sb: '' })}`;
    }
    return c.redirect(target.href, 303);
  });

  app.post('/verify', async (c) => {
    const body = await readBody(c, bodies.verify);
    const at = new Date(now());
    if (body.token_hash !== '') {
      const proof = { tokenHash: body.token_hash };
      return c.json(await answerOf(await start(await redeem(body.type, proof), 'otp')));
    }
    const proof = { email: readEmail(body.email), code: body.token };
    return c.json(await answerOf(await start(await redeem(body.type, proof), 'otp')));

    async function redeem(type: string, given: Parameters<typeof redeemToken>[2]): Promise<User> {
      if (type !== 'email') return redeemToken(sql, readType(type), given, at);
      // either of the mails that somebody signs in by
      return redeemToken(sql, 'magiclink', given, at).catch(() =>
        redeemToken(sql, 'signup', given, at),
      );
    }
  });

  async function send(
    c: Context,
    user: User,
    type: MailType,
    asked: { code_challenge: string; code_challenge_method: string },
  ): Promise<void> {
    const pkce = asked.code_challenge !== '';
    if (pkce && type !== 'reauthentication') {
      const { code_challenge: challenge, code_challenge_method: challengeMethod } = asked;
      flows.start({ userId: user.id, method: methods[type], challenge, challengeMethod });
    }
    const { code, tokenHash } = await issueToken(sql, user, type, { pkce, at: new Date(now()) });
    const query = new URLSearchParams({ token: tokenHash, type, redirect_to: redirectTarget(c) });
    const link = type === 'reauthentication' ? {} : { link: `${issuer}/verify?${query}` };
    mailbox.put({ to: user.email, type, code, ...link });
  }

  function start(user: User, method: string): Promise<Grant> {
    return startSession(sql, user.id, method, new Date(now()));
  }

  /** Where a link leads in the end: a page of this machine, as no other is allowed. */
  function redirectTarget(c: Context): string {
    const site = new URL(issuer).origin;
    const asked = c.req.query('redirect_to') ?? '';
    if (!URL.canParse(asked)) return site;
    const { protocol, hostname } = new URL(asked);
    return protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(hostname)
      ? asked
      : site;
  }

  return app;
}

function readType(type: string | undefined): keyof typeof methods {
  if (type && Object.hasOwn(methods, type)) return type as keyof typeof methods;
  throw new AuthRefusal(400, 'validation_failed', 'A type is signup, recovery or magiclink.');
}
