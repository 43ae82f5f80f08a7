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

/** The percentages of their quotas at which the user is alerted. A key's page links here with `?key=`. */
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
        Each threshold raises one alert per month, when that share of a quota is used. If the limit
        is raised, it can alert again.
      </p>
      <Loaded query={thresholds} what="the thresholds">
        {([account, ...own]) => (
          <>
            <Section title="Account and keys without their own thresholds" framed>
              <div className={styles.account}>
                <p>Alert {percentWords(account?.percents ?? [])}.</p>
                <Button onClick={() => setDialog('account')}>
                  Edit<span className="visually-hidden"> account thresholds</span>
                </Button>
              </div>
            </Section>
            <Section
              title="Keys with their own thresholds"
              actions={<Button onClick={() => setDialog('key')}>Set for a key</Button>}
            >
              {own.length === 0 ? (
                <p className={styles.none}>No keys have their own thresholds.</p>
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
