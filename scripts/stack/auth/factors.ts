import { randomUUID } from 'node:crypto';
import { type Context, Hono } from 'hono';
import type postgres from 'postgres';
import { requireUser } from './callers.ts';
import { AuthRefusal, notSupportedLocally } from './errors.ts';
import { bodies, isUuid, readBody } from './requests.ts';
import { downgradeSessions, type Grant, proveFactor } from './sessions.ts';
import type { Tokens } from './tokens.ts';
import { isTotp, newTotpSecret } from './totp.ts';
import { hasVerifiedFactor, type User } from './users.ts';

interface Factor {
  id: string;
  status: 'unverified' | 'verified';
  secret: string;
}

const mostFactors = 10;
const challengeMilliseconds = 300_000;

/** The routes under `/factors`: a second factor by an authenticator app (TOTP). */
export function createFactorRoutes(options: {
  sql: postgres.Sql;
  tokens: Tokens;
  now: () => number;
  signedIn: (context: Context, grant: Grant) => Promise<Response>;
}): Hono {
  const { sql, tokens, now, signedIn } = options;
  // when each challenge expires, by factor id and challenge id; lost when the process exits
  const challenges = new Map<string, number>();
  const app = new Hono();

  app.post('/', async (c) => {
    const { user, session } = await requireUser(c, { sql, tokens, now });
    const body = await readBody(c, bodies.factor);
    if (body.factor_type !== 'totp') throw notSupportedLocally();
    if (hasVerifiedFactor(user) && session.aal !== 'aal2') {
      throw new AuthRefusal(
        403,
        'insufficient_aal',
        'Adding a factor requires signing in with the first.',
      );
    }
    const factors = user.factors ?? [];
    if (factors.length >= mostFactors) {
      throw new AuthRefusal(422, 'too_many_enrolled_mfa_factors', 'The user has too many factors.');
    }
    if (factors.some(({ friendly_name: name }) => name === body.friendly_name)) {
      throw new AuthRefusal(422, 'mfa_factor_name_conflict', 'Another factor has this name.');
    }
    const id = randomUUID();
    const secret = newTotpSecret();
    const at = new Date(now());
    await sql`
      insert into auth.mfa_factors
        (id, user_id, friendly_name, factor_type, status, secret, created_at, updated_at)
      values (${id}, ${user.id}, ${body.friendly_name}, 'totp', 'unverified', ${secret}, ${at}, ${at})`;
    const issuer = body.issuer || '127.0.0.1';
    const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(user.email)}`;
    return c.json({
      id,
      type: 'totp',
      friendly_name: body.friendly_name,
      totp: {
        // Supabase Auth returns one; locally, type the secret
        qr_code: '',
        secret,
        uri: `otpauth://totp/${label}?${new URLSearchParams({ secret, issuer })}`,
      },
    });
  });

  app.post('/:id/challenge', async (c) => {
    const { user } = await requireUser(c, { sql, tokens, now });
    const factor = await requireFactor(c.req.param('id'), user);
    for (const [key, until] of challenges) if (until < now()) challenges.delete(key);
    const id = randomUUID();
    const until = now() + challengeMilliseconds;
    challenges.set(`${factor.id}/${id}`, until);
    return c.json({ id, type: 'totp', expires_at: Math.floor(until / 1_000) });
  });

  app.post('/:id/verify', async (c) => {
    const { user, session } = await requireUser(c, { sql, tokens, now });
    const factor = await requireFactor(c.req.param('id'), user);
    const body = await readBody(c, bodies.factorProof);
    const key = `${factor.id}/${body.challenge_id}`;
    if ((challenges.get(key) ?? 0) < now()) {
      throw new AuthRefusal(
        422,
        'mfa_challenge_expired',
        'The challenge has expired: request another.',
      );
    }
    if (!isTotp(factor.secret, body.code, now())) {
      throw new AuthRefusal(422, 'mfa_verification_failed', 'The code is wrong.');
    }
    challenges.delete(key);
    return signedIn(c, await proveFactor(sql, session, factor.id, new Date(now())));
  });

  app.delete('/:id', async (c) => {
    const { user, session } = await requireUser(c, { sql, tokens, now });
    const { id, status } = await requireFactor(c.req.param('id'), user);
    if (status === 'verified' && session.aal !== 'aal2') {
      throw new AuthRefusal(
        422,
        'insufficient_aal',
        'Removing a factor requires signing in with it.',
      );
    }
    await sql.begin(async (tx) => {
      await tx`delete from auth.mfa_factors where id = ${id}`;
      await downgradeSessions(tx, id);
    });
    return c.json({ id });
  });

  async function requireFactor(id: string, user: User): Promise<Factor> {
    const [factor] = isUuid(id)
      ? await sql<Factor[]>`
          select id, status, secret from auth.mfa_factors
          where id = ${id} and user_id = ${user.id} and factor_type = 'totp'`
      : [];
    if (!factor) throw new AuthRefusal(404, 'mfa_factor_not_found', 'No such factor exists.');
    return factor;
  }

  return app;
}
