import { httpOrigin, isPort, isPublicKey } from './public-values.ts';

/** The page's project, from `config.json` beside the page, so that one build serves any project. */
export interface Configuration {
  /** Origin of the Supabase project; by default, the page's own origin. */
  supabaseUrl?: string;
  /** The project's publishable key (or legacy anon key). Public. */
  publishableKey: string;
  /** The gateway's URL, such as http://gateway.example.com:7777 */
  gatewayUrl: string;
  /** The port for clients over TLS on the same host, if any. */
  gatewayTlsPort?: number;
}

/** The configuration after it is read and checked. */
export type KnownConfiguration = Required<Omit<Configuration, 'gatewayTlsPort'>> &
  Pick<Configuration, 'gatewayTlsPort'>;

/** The deployed page has no valid configuration. */
export class ConfigurationMissing extends Error {}

/** Reads the page's configuration. Throws ConfigurationMissing, or a TypeError if there is no connection. */
export async function readConfiguration(): Promise<KnownConfiguration> {
  const response = await fetch(new URL('config.json', document.baseURI));
  const read: unknown = response.ok ? await response.json().catch(() => null) : null;
  return checkConfiguration(read, location.origin);
}

/**
 * Checks the content of `config.json` for a page at `origin`. Throws ConfigurationMissing if it is
 * invalid.
 */
export function checkConfiguration(read: unknown, origin: string): KnownConfiguration {
  const {
    supabaseUrl = origin,
    publishableKey,
    gatewayUrl,
    gatewayTlsPort,
  }: Record<string, unknown> = {
    ...(typeof read === 'object' ? read : {}),
  };
  const checked = { supabaseUrl: httpOrigin(supabaseUrl), gatewayUrl: httpOrigin(gatewayUrl) };
  if (!checked.supabaseUrl || !checked.gatewayUrl || !isPublicKey(publishableKey)) {
    throw new ConfigurationMissing();
  }
  if (gatewayTlsPort !== undefined && !isPort(gatewayTlsPort)) throw new ConfigurationMissing();
  return {
    supabaseUrl: checked.supabaseUrl,
    publishableKey,
    gatewayUrl: checked.gatewayUrl,
    ...(gatewayTlsPort === undefined ? {} : { gatewayTlsPort }),
  };
}
