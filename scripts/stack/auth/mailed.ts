import { Hono } from 'hono';
import type postgres from 'postgres';
import { requireUser } from './callers.ts';
import { AuthRefusal, notSupportedLocally } from './errors.ts';
import type { Flows } from './flows.ts';
import { pkcePrefix, redeemToken } from './one-time-tokens.ts';
import { bodies, readBody, readEmail } from './requests.ts';
import { methods, redirectTarget, type SendMail } from './send-mail.ts';
import { type Grant, startSession } from './sessions.ts';
import type { SignedInAnswer, Tokens } from './tokens.ts';
import { createUser, findByEmail, type User } from './users.ts';

/** The routes that send mails, and those that redeem their links and codes. */
export function createMailedRoutes(options: {
  sql: postgres.Sql;
  tokens: Tokens;
  now: () => number;
  issuer: string;
  flows: Flows;
  send: SendMail;
  answerOf: (grant: Grant) => Promise<SignedInAnswer>;
}): Hono {
  const { sql, tokens, now, issuer, flows, send, answerOf } = options;
  const app = new Hono();

  app.post('/recover', async (c) => {
    const body = await readBody(c, bodies.mailed);
    const user = await findByEmail(sql, readEmail(body.email));
    // the same response either way, so that it does not reveal which accounts exist
    if (user) await send(c, user, 'recovery', body);
    return c.json({});
  });

  app.post('/otp', async (c) => {
    const body = await readBody(c, bodies.otp);
    const email = readEmail(body.email);
    const known = await findByEmail(sql, email);
    if (!known && !body.create_user) {
      throw new AuthRefusal(422, 'otp_disabled', 'This request may not create a user.');
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
    if (body.type !== 'signup') throw notSupportedLocally();
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
    const target = new URL(redirectTarget(c, issuer));
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
      // either kind of mail that a user signs in with
      return redeemToken(sql, 'magiclink', given, at).catch(() =>
        redeemToken(sql, 'signup', given, at),
      );
    }
  });

  function start(user: User, method: string): Promise<Grant> {
    return startSession(sql, user.id, method, new Date(now()));
  }

  return app;
}

function readType(type: string | undefined): keyof typeof methods {
  if (type && Object.hasOwn(methods, type)) return type as keyof typeof methods;
  throw new AuthRefusal(400, 'validation_failed', 'The type of the link is unknown.');
}
