import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { JSONWebKeySet } from 'jose';
import type postgres from 'postgres';
import type { SigningKey } from '../signing-keys.ts';
import { createAdminRoutes } from './admin.ts';
import { requireUser } from './callers.ts';
import {
  AuthRefusal,
  describeUnexpected,
  notSupportedLocally,
  refusalBody,
  toRefusal,
} from './errors.ts';
import { createFactorRoutes } from './factors.ts';
import { createFlows } from './flows.ts';
import { createMailbox } from './mailbox.ts';
import { createMailedRoutes } from './mailed.ts';
import { findByPassword, requireStrength } from './passwords.ts';
import { bodies, readBody, readEmail } from './requests.ts';
import { createSendMail } from './send-mail.ts';
import {
  endAllSessions,
  endOtherSessions,
  endSession,
  type Grant,
  refreshSession,
  startSession,
} from './sessions.ts';
import { accessTokenSeconds, createTokens, type SignedInAnswer } from './tokens.ts';
import { changeUser } from './user-changes.ts';
import { createUser, findUser, isBanned } from './users.ts';

export interface AuthDependencies {
  /** Connection pool of role supabase_auth_admin. */
  sql: postgres.Sql;
  /** Signs access tokens. */
  signingKey: SigningKey;
  /** The published keys that verify access tokens. Default: only the signing key. */
  jwks?: JSONWebKeySet;
  /** The tokens' `iss`, such as http://127.0.0.1:54321/auth/v1. */
  issuer: string;
  /** Whether a new password requires a session from the last day, or a code by mail. Default: false. */
  securePasswordChange?: boolean;
  /** The current time, in milliseconds since the epoch. Default: the system clock. */
  now?: () => number;
}

// routes that only Supabase Auth has: a 404 would look like the caller's mistake
const routesOfSupabaseAlone = [
  ...['/magiclink', '/invite', '/authorize', '/callback', '/sso/*', '/passkeys/*', '/oauth/*'],
  '/user/identities/*',
];

/**
 * The part of Supabase Auth's HTTP API that supabase-js needs to sign users up, in and out, including by
 * mail and with a second factor, and to manage users. The API gateway strips `/auth/v1` from paths.
 */
export function createAuthApp(dependencies: AuthDependencies): Hono {
  const { sql, signingKey, issuer, securePasswordChange = false, now = Date.now } = dependencies;
  const { jwks = { keys: [signingKey.publicJwk] } } = dependencies;
  const tokens = createTokens({ signingKey, jwks, issuer, now });
  const mailbox = createMailbox(now);
  const flows = createFlows(now);
  const sendMail = createSendMail({ sql, now, issuer, mailbox, flows });
  const app = new Hono();

  app.onError((error, c) => {
    const refusal = toRefusal(error);
    if (refusal.status === 500) console.error(describeUnexpected(error));
    return refuse(c, refusal);
  });
  app.notFound((c) => c.text('404 page not found\n', 404));
  app.use(
    bodyLimit({
      maxSize: 1024 * 1024,
      onError: (c) => {
        // the rest of the body is not read, so the connection cannot be reused
        c.header('Connection', 'close');
        throw new AuthRefusal(413, 'request_entity_too_large', 'The body is larger than 1 MB.');
      },
    }),
  );

  app.get('/health', (c) =>
    c.json({ name: 'Local Auth', version: 'local', description: 'Supabase Auth for npm start' }),
  );

  app.get('/settings', (c) =>
    c.json({
      external: { email: true, phone: false, anonymous_users: false },
      disable_signup: false,
      mailer_autoconfirm: true,
      phone_autoconfirm: false,
      sms_provider: '',
      saml_enabled: false,
      passkeys_enabled: false,
    }),
  );

  app.get('/.well-known/jwks.json', (c) =>
    c.json(jwks, 200, { 'cache-control': 'public, max-age=600' }),
  );

  app.post('/signup', async (c) => {
    const body = await readBody(c, bodies.signUp);
    if (body.email === '') {
      throw new AuthRefusal(
        422,
        'anonymous_provider_disabled',
        'Signing up requires an e-mail address.',
      );
    }
    if (body.password === '') {
      throw new AuthRefusal(400, 'validation_failed', 'Signing up requires a password.');
    }
    requireStrength(body.password);
    const email = readEmail(body.email);
    const at = new Date(now());
    const user = await createUser(
      sql,
      {
        email,
        password: body.password,
        signsUp: true,
        confirmEmail: true,
        userMetadata: body.data,
      },
      at,
    );
    if (!user) {
      throw new AuthRefusal(422, 'user_already_exists', 'This user is already registered.');
    }
    return signedIn(c, await startSession(sql, user.id, 'password', at));
  });

  app.post('/token', (c) => {
    switch (c.req.query('grant_type')) {
      case 'password':
        return grantByPassword(c);
      case 'refresh_token':
        return grantByRefreshToken(c);
      case 'pkce':
        return grantByCode(c);
      case 'id_token':
      case 'web3':
        throw notSupportedLocally();
      default:
        throw new AuthRefusal(400, 'invalid_credentials', 'unsupported_grant_type');
    }
  });

  app.get('/user', async (c) => {
    const { user } = await requireUser(c, { sql, tokens, now });
    return c.json(user);
  });

  app.put('/user', (c) => changeUser(c, { sql, tokens, now, sendMail, securePasswordChange }));

  app.post('/logout', async (c) => {
    const { session } = await requireUser(c, { sql, tokens, now });
    switch (c.req.query('scope') ?? 'global') {
      case 'local':
        await endSession(sql, session);
        break;
      case 'others':
        await endOtherSessions(sql, session);
        break;
      case 'global':
        await endAllSessions(sql, session.userId);
        break;
      default:
        throw new AuthRefusal(
          400,
          'validation_failed',
          'The scope must be global, local or others.',
        );
    }
    return c.body(null, 204);
  });

  for (const path of routesOfSupabaseAlone) {
    app.all(path, () => {
      throw notSupportedLocally();
    });
  }
  app.route('/admin', createAdminRoutes({ sql, tokens, now, mailbox }));
  app.route('/factors', createFactorRoutes({ sql, tokens, now, signedIn }));
  app.route('/', createMailedRoutes({ sql, tokens, now, issuer, flows, send: sendMail, answerOf }));

  async function grantByPassword(c: Context) {
    const body = await readBody(c, bodies.passwordGrant);
    if (body.email === '') {
      throw new AuthRefusal(400, 'validation_failed', 'Signing in requires an e-mail address.');
    }
    const user = await findByPassword(sql, body.email, body.password);
    if (!user) throw new AuthRefusal(400, 'invalid_credentials', 'Invalid login credentials');
    const at = new Date(now());
    if (isBanned(user, at)) throw new AuthRefusal(400, 'user_banned', 'The user is banned.');
    if (!user.email_confirmed_at) {
      throw new AuthRefusal(400, 'email_not_confirmed', 'The e-mail address is not confirmed.');
    }
    return signedIn(c, await startSession(sql, user.id, 'password', at));
  }

  async function grantByRefreshToken(c: Context) {
    const body = await readBody(c, bodies.refreshGrant);
    if (body.refresh_token === '') {
      throw new AuthRefusal(400, 'validation_failed', 'Refreshing requires a refresh token.');
    }
    return signedIn(c, await refreshSession(sql, body.refresh_token, new Date(now())));
  }

  async function grantByCode(c: Context) {
    const body = await readBody(c, bodies.codeGrant);
    const { userId, method } = flows.trade(body.auth_code, body.code_verifier);
    return signedIn(c, await startSession(sql, userId, method, new Date(now())));
  }

  async function signedIn(c: Context, grant: Grant) {
    return c.json(await answerOf(grant));
  }

  async function answerOf({ session, refreshToken }: Grant): Promise<SignedInAnswer> {
    const user = await findUser(sql, session.userId);
    if (!user) throw new AuthRefusal(400, 'session_not_found', 'The user was deleted.');
    const { token, expiresAt } = await tokens.sign(user, session);
    return {
      access_token: token,
      token_type: 'bearer',
      expires_in: accessTokenSeconds,
      expires_at: expiresAt,
      refresh_token: refreshToken,
      user,
    };
  }

  return app;
}

function refuse(c: Context, refusal: AuthRefusal): Response {
  return c.json(refusalBody(refusal), refusal.status, { 'x-sb-error-code': refusal.code });
}
