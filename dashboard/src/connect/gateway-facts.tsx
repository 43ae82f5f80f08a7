import type { GatewayAddress } from './gateway-address.ts';
import styles from './gateway-facts.module.css';

/** Where clients connect: the host, and the ports that the deployment has. */
export function GatewayFacts({ gateway }: { gateway: GatewayAddress }) {
  const { host, httpsPort, httpPort } = gateway;
  const facts = { Host: host, 'HTTPS port': httpsPort, 'HTTP port': httpPort };
  return (
    <dl className={styles.facts}>
      {Object.entries(facts).map(
        ([name, value]) =>
          value !== undefined && (
            <div key={name} className={styles.fact}>
              <dt>{name}</dt>
              <dd>
                <code translate="no">{value}</code>
              </dd>
            </div>
          ),
      )}
    </dl>
  );
}
