import { createLocalJWKSet, type JSONWebKeySet, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import type { SigningKey } from '../signing-keys.ts';
import { AuthRefusal } from './errors.ts';
import type { Session } from './sessions.ts';
import type { User } from './users.ts';

/** The lifetime of an access token. */
export const accessTokenSeconds = 3600;

/** The response to a successful sign-in. */
export interface SignedInAnswer {
  access_token: string;
  token_type: 'bearer';
  expires_in: number;
  expires_at: number;
  refresh_token: string;
  user: User;
}

export interface Tokens {
  /** Signs the access token of a user in a session. `expiresAt` is in seconds since the epoch. */
  sign(user: User, session: Session): Promise<{ token: string; expiresAt: number }>;
  /** Returns the claims of one of this stack's tokens, or refuses it as `bad_jwt`. */
  verify(token: string): Promise<JWTPayload>;
}

/** Signs JWTs with one key, and verifies those of several keys. */
export function createTokens(options: {
  signingKey: SigningKey;
  /** The keys that verify tokens. */
  jwks: JSONWebKeySet;
  issuer: string;
  now: () => number;
}): Tokens {
  const { signingKey, jwks, issuer, now } = options;
  const keys = createLocalJWKSet(jwks);
  return {
    async sign(user, session) {
      const issuedAt = Math.floor(now() / 1000);
      const expiresAt = issuedAt + accessTokenSeconds;
      const token = await new SignJWT({
        email: user.email,
        phone: user.phone,
        app_metadata: user.app_metadata,
        user_metadata: user.user_metadata,
        // never from the users table: a row must not be able to claim service_role
        role: 'authenticated',
        aal: session.aal,
        amr: session.amr,
        session_id: session.id,
        is_anonymous: user.is_anonymous,
      })
        .setProtectedHeader({ alg: signingKey.alg, kid: signingKey.kid, typ: 'JWT' })
        .setIssuer(issuer)
        .setSubject(user.id)
        .setAudience('authenticated')
        .setIssuedAt(issuedAt)
        .setExpirationTime(expiresAt)
        .sign(signingKey.privateKey);
      return { token, expiresAt };
    },
    async verify(token) {
      try {
        const { payload } = await jwtVerify(token, keys, {
          algorithms: [signingKey.alg],
          requiredClaims: ['exp'],
          currentDate: new Date(now()),
        });
        return payload;
      } catch {
        throw new AuthRefusal(
          403,
          'bad_jwt',
          'The token is not valid: malformed, forged or expired.',
        );
      }
    },
  };
}
