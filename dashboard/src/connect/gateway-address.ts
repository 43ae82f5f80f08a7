import type { Configuration } from '../configuration.ts';

/** Where clients reach the gateway. A port is undefined if the deployment does not have it. */
export interface GatewayAddress {
  host: string;
  /** In clear text. */
  httpPort?: number;
  /** Over TLS. */
  httpsPort?: number;
}

/** The gateway's address in the configuration: `gatewayUrl`, and the TLS port on the same host. */
export function gatewayAddress(
  configuration: Pick<Configuration, 'gatewayUrl' | 'gatewayTlsPort'>,
): GatewayAddress {
  const { gatewayUrl, gatewayTlsPort } = configuration;
  const { protocol, hostname: host, port } = new URL(gatewayUrl);
  const secure = protocol === 'https:';
  const own = Number(port) || (secure ? 443 : 80);
  if (secure) return { host, httpsPort: own };
  return { host, httpPort: own, ...(gatewayTlsPort ? { httpsPort: gatewayTlsPort } : {}) };
}
