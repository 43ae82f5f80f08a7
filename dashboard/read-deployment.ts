import type { KnownConfiguration } from './src/configuration.ts';
import { httpOrigin, isPort, isPublicKey } from './src/public-values.ts';

/** The environment is incomplete, invalid, or holds a key that a public page must not contain. */
export class DeploymentRefused extends Error {}

/**
 * Reads the project of a build from the environment: `SUPABASE_URL`, `SUPABASE_PUBLISHABLE_KEY`,
 * `PROXY_GATEWAY_URL`, and `PROXY_GATEWAY_TLS_PORT` if the gateway has one. Returns undefined if none
 * is set. Throws DeploymentRefused if some are missing, a URL or port is invalid, or the key is not
 * public.
 */
export function readDeployment(
  environment: Record<string, string | undefined>,
): KnownConfiguration | undefined {
  const {
    SUPABASE_URL: url,
    SUPABASE_PUBLISHABLE_KEY: publishableKey,
    PROXY_GATEWAY_URL: gateway,
    PROXY_GATEWAY_TLS_PORT: tlsPort,
  } = environment;
  if (!url && !publishableKey && !gateway && !tlsPort) return undefined;
  if (!url || !publishableKey || !gateway) {
    throw new DeploymentRefused(
      'Set all of SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY and PROXY_GATEWAY_URL, or none of them.',
    );
  }
  if (!isPublicKey(publishableKey)) {
    throw new DeploymentRefused(
      'SUPABASE_PUBLISHABLE_KEY must be a publishable key (sb_publishable_…) or a legacy anon key. ' +
        'Never put any other key in a page.',
    );
  }
  return {
    supabaseUrl: originOf('SUPABASE_URL', url),
    publishableKey,
    gatewayUrl: originOf('PROXY_GATEWAY_URL', gateway),
    ...(tlsPort ? { gatewayTlsPort: portOf('PROXY_GATEWAY_TLS_PORT', tlsPort) } : {}),
  };
}

function originOf(name: string, value: string): string {
  const origin = httpOrigin(value);
  if (origin) return origin;
  throw new DeploymentRefused(`${name} is not an http or https URL.`);
}

function portOf(name: string, value: string): number {
  const port = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (isPort(port)) return port;
  throw new DeploymentRefused(`${name} is not a port: use a number from 1 to 65535.`);
}
