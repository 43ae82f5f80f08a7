import { useState } from 'react';
import { Button } from '../components/button.tsx';
import type { Key } from '../data/key.ts';
import { useReader } from '../data/reader.ts';
import { dateTime, fromNow } from '../format/time.ts';
import { minute, useNow } from '../usage-chart/use-now.ts';
import { shortRange } from './allowed-clients.ts';
import { AllowedClientsDialog } from './allowed-clients-dialog.tsx';
import { ExpiryDialog } from './expiry-dialog.tsx';
import styles from './facts.module.css';
import { Fact, Facts } from './facts.tsx';
import { Section } from './section.tsx';

/** The key's allowed clients and its expiry. */
export function AccessSection({ value: key }: { value: Key }) {
  const { asked } = useReader();
  const [dialog, setDialog] = useState<'clients' | 'expiry'>();
  const now = useNow(minute);
  const close = () => setDialog(undefined);
  const edit = (what: 'clients' | 'expiry', name: string) =>
    // a deleted key cannot be changed, and an admin cannot change what only the owner may set
    !key.deleted_at &&
    !asked.as_admin && (
      <Button onClick={() => setDialog(what)}>
        Edit<span className="visually-hidden"> {name}</span>
      </Button>
    );
  return (
    <Section title="Access" framed>
      <Facts stacked>
        <Fact name="Allowed clients">
          <div className={styles.edit}>
            {key.allowed_ips.length === 0 ? (
              <span>Any client</span>
            ) : (
              <ul className={styles.ranges}>
                {key.allowed_ips.map((range) => (
                  <li key={range}>
                    <code>{shortRange(range)}</code>
                  </li>
                ))}
              </ul>
            )}
            {edit('clients', 'allowed clients')}
          </div>
        </Fact>
        <Fact name="Expires">
          <div className={styles.edit}>
            <span>
              {key.expires_at
                ? `${dateTime(key.expires_at)}, ${fromNow(key.expires_at, now)}`
                : 'Never'}
            </span>
            {edit('expiry', 'expiry')}
          </div>
        </Fact>
      </Facts>
      {dialog === 'clients' && <AllowedClientsDialog value={key} onClose={close} />}
      {dialog === 'expiry' && <ExpiryDialog value={key} onClose={close} />}
    </Section>
  );
}
