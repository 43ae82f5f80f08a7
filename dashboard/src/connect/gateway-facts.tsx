import { Fact, Facts } from '../key/facts.tsx';
import type { GatewayAddress } from './gateway-address.ts';

/** Where clients connect: the host, and the port of each way that the deployment has. */
export function GatewayFacts({ gateway }: { gateway: GatewayAddress }) {
  return (
    <Facts>
      <Fact name="Host">
        <code>{gateway.host}</code>
      </Fact>
      {gateway.httpsPort !== undefined && (
        <Fact name="HTTPS port (TLS to the proxy)">
          <code>{gateway.httpsPort}</code>
        </Fact>
      )}
      {gateway.httpPort !== undefined && (
        <Fact name="HTTP port">
          <code>{gateway.httpPort}</code>
        </Fact>
      )}
    </Facts>
  );
}
