import { SignJWT } from 'jose';
import type { SigningKey } from './signing-keys.ts';

/** The roles that an API key stands for. */
export type ApiKeyRole = 'anon' | 'service_role';

/** Returns a function that gives a token of a role, which holds for a request. */
export function createRoleTokens(key: SigningKey): (role: ApiKeyRole) => Promise<string> {
  return (role) =>
    new SignJWT({ role })
      .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'JWT' })
      .setIssuer('supabase')
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(key.privateKey);
}
