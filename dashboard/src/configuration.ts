import { httpOrigin, isPort, isPublicKey } from './public-values.ts';

/** Which project the page belongs to: `config.json` beside it, so that one build serves any. */
export interface Configuration {
  /** Origin of the Supabase project; without one, the page's own. */
  supabaseUrl?: string;
  /** The project's publishable key (or legacy anon key). Public. */
  publishableKey: string;
  /** Where customers' traffic goes, e.g. http://gateway.example.com:7777 */
  gatewayUrl: string;
  /** Where the same host takes clients over TLS, if it does. */
  gatewayTlsPort?: number;
}

/** What a page knows once it has read it. */
export type KnownConfiguration = Required<Omit<Configuration, 'gatewayTlsPort'>> &
  Pick<Configuration, 'gatewayTlsPort'>;

/** The page was put on its host without a configuration that fits. */
export class ConfigurationMissing extends Error {}

/** Reads the page's configuration. Throws ConfigurationMissing, or TypeError without a connection. */
export async function readConfiguration(): Promise<KnownConfiguration> {
  const response = await fetch(new URL('config.json', document.baseURI));
  const read: unknown = response.ok ? await response.json().catch(() => null) : null;
  return checkConfiguration(read, location.origin);
}

/** What `config.json` says, for a page of `origin`. Throws ConfigurationMissing where it is not as above. */
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
