import { useState } from 'react';
import { text, useAddressFilters } from '../components/address-filters.ts';
import { Button } from '../components/button.tsx';
import { Loaded } from '../components/loaded.tsx';
import type { Threshold } from '../data/alert.ts';
import { useKey } from '../data/use-keys.ts';
import { useThresholds } from '../data/use-thresholds.ts';
import { Section } from '../key/section.tsx';
import { Page } from '../layout/page.tsx';
import { AlertsNav } from './alerts-nav.tsx';
import { KeyThresholdDialog } from './key-threshold-dialog.tsx';
import { percentWords } from './percents.ts';
import { ThresholdDialog } from './threshold-dialog.tsx';
import { ThresholdTable } from './threshold-table.tsx';
import styles from './thresholds.module.css';

const keyFilter = { key: text };

/** At which percents of their quotas the signed-in user is alerted. A key's page leads to its own here. */
export default function ThresholdsPage() {
  const thresholds = useThresholds();
  const [{ key: asked }, setAddress] = useAddressFilters(keyFilter);
  const askedKey = useKey(asked, { enabled: asked !== '' }).data;
  const [dialog, setDialog] = useState<'account' | 'key' | Threshold>();
  const close = () => {
    setDialog(undefined);
    setAddress({ key: '' });
  };
  return (
    <Page title="Alert thresholds" above={<AlertsNav />}>
      <p>
        You are alerted once a month as each of these shares of a quota is used. A limit that is
        raised can alert again.
      </p>
      <Loaded query={thresholds} what="the thresholds">
        {([account, ...own]) => (
          <>
            <Section title="Account, and keys without their own" framed>
              <div className={styles.account}>
                <p>Alerted {percentWords(account?.percents ?? [])}.</p>
                <Button onClick={() => setDialog('account')}>
                  Edit<span className="visually-hidden"> the account’s thresholds</span>
                </Button>
              </div>
            </Section>
            <Section
              title="Keys with their own"
              actions={<Button onClick={() => setDialog('key')}>Set for a key</Button>}
            >
              {own.length === 0 ? (
                <p className={styles.none}>No key has thresholds that differ from the account’s.</p>
              ) : (
                <ThresholdTable thresholds={own} onEdit={(threshold) => setDialog(threshold)} />
              )}
            </Section>
            {dialog === 'account' && account && (
              <ThresholdDialog percents={account.percents} onClose={close} />
            )}
            {dialog === 'key' && <KeyThresholdDialog own={own} onClose={close} />}
            {typeof dialog === 'object' && (
              <ThresholdDialog
                keyId={dialog.key_id ?? ''}
                name={dialog.label ?? ''}
                percents={dialog.percents}
                onClose={close}
              />
            )}
            {!dialog && asked && (
              <ThresholdDialog
                keyId={asked}
                name={askedKey?.label ?? asked}
                percents={own.find(({ key_id }) => key_id === asked)?.percents ?? null}
                onClose={close}
              />
            )}
          </>
        )}
      </Loaded>
    </Page>
  );
}
