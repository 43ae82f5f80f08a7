import type { KnownConfiguration } from './src/configuration.ts';
import { httpOrigin, isPort, isPublicKey } from './src/public-values.ts';

/** The environment names no project, or one that a page for everybody must not carry. */
export class DeploymentRefused extends Error {}

/**
 * What the environment says of the project that a build is for: `SUPABASE_URL`,
 * `SUPABASE_PUBLISHABLE_KEY`, `PROXY_GATEWAY_URL`, and `PROXY_GATEWAY_TLS_PORT` where the gateway has
 * one; undefined where it says nothing. Throws DeploymentRefused for half of it, for what is no URL or
 * port, and for any key but a public one.
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
      'Set SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY and PROXY_GATEWAY_URL, or none of them.',
    );
  }
  if (!isPublicKey(publishableKey)) {
    throw new DeploymentRefused(
      'SUPABASE_PUBLISHABLE_KEY is neither a publishable key (sb_publishable_…) nor a legacy anon ' +
        'key. Any other key must never be in a page.',
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
  throw new DeploymentRefused(`${name} is no http or https URL.`);
}

function portOf(name: string, value: string): number {
  const port = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (isPort(port)) return port;
  throw new DeploymentRefused(`${name} is no port: a number from 1 to 65535.`);
}
