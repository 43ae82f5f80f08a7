import { SignJWT } from 'jose';
import type { SigningKey } from './signing-keys.ts';

/** The roles that API keys map to. */
export type ApiKeyRole = 'anon' | 'service_role';

const lifetimeSeconds = 3600;
const renewBeforeSeconds = 300;

/** Returns a function that returns a valid token for a role, renewed shortly before it expires. */
export function createRoleTokens(key: SigningKey): (role: ApiKeyRole) => Promise<string> {
  const current = new Map<ApiKeyRole, { token: string; expiresAt: number }>();
  return async (role) => {
    const now = Math.floor(Date.now() / 1000);
    const held = current.get(role);
    if (held && held.expiresAt - renewBeforeSeconds > now) return held.token;
    const expiresAt = now + lifetimeSeconds;
    const token = await new SignJWT({ role })
      .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'JWT' })
      .setIssuer('supabase')
      .setIssuedAt(now)
      .setExpirationTime(expiresAt)
      .sign(key.privateKey);
    current.set(role, { token, expiresAt });
    return token;
  };
}
