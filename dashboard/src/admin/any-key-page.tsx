import { useMemo, useState } from 'react';
import { Link, useParams } from 'react-router';
import { Button } from '../components/button.tsx';
import { Loaded } from '../components/loaded.tsx';
import type { FoundKey } from '../data/key.ts';
import { type Reader, ReaderContext } from '../data/reader.ts';
import { Refusal } from '../data/refusal.ts';
import { type KeyReading, useAnyKey } from '../data/use-any-key.ts';
import { AccessSection } from '../key/access-section.tsx';
import styles from '../key/key-page.module.css';
import { KeyRecords } from '../key/key-records.tsx';
import { LimitSection } from '../key/limit-section.tsx';
import { Page } from '../layout/page.tsx';
import { OutcomesSection } from '../usage/outcomes-section.tsx';
import { SpanBar } from '../usage/span-bar.tsx';
import { useSpan } from '../usage/use-span.ts';
import { UsageHistory } from '../usage-chart/usage-history.tsx';
import { AdminNav } from './admin-nav.tsx';
import { FoundKeyDialog, type OpenFoundKeyDialog } from './found-key-dialog.tsx';
import { OwnerSection } from './owner-section.tsx';
import { SharedQuota } from './shared-quota.tsx';
import { WhyRefused } from './why-refused.tsx';

/** A key of any user: whether and why it is refused, with the evidence. */
export default function AnyKeyPage() {
  const { keyId = '' } = useParams();
  const query = useAnyKey(keyId);
  const [dialog, setDialog] = useState<OpenFoundKeyDialog>();
  const key = query.data?.key;
  if (!key && query.error instanceof Refusal && query.error.code === 'not_found') {
    return (
      <Page title="Key not found" above={<AdminNav />}>
        <p>
          No user has the key <code>{keyId}</code>. Search the{' '}
          <Link to="/admin">keys of all users</Link>.
        </p>
      </Page>
    );
  }
  return (
    <Page
      title={key?.label ?? 'Key'}
      above={<AdminNav />}
      actions={key && <AnyKeyActions value={key} onAction={setDialog} />}
    >
      <Loaded query={query} what="the key">
        {(reading) => <AnyKey value={reading} />}
      </Loaded>
      <FoundKeyDialog
        open={dialog}
        onClose={() => {
          setDialog(undefined);
          void query.refetch();
        }}
      />
    </Page>
  );
}

function AnyKey({ value: reading }: { value: KeyReading }) {
  const { key } = reading;
  const [span, setSpan] = useSpan();
  const reader = useMemo<Reader>(
    () => ({ asked: { as_admin: true }, ownerId: key.user_id }),
    [key.user_id],
  );
  return (
    <ReaderContext value={reader}>
      <WhyRefused value={reading} />
      <div className={styles.pair}>
        <LimitSection value={key}>
          <SharedQuota value={reading} />
        </LimitSection>
        <AccessSection value={key} />
      </div>
      <OwnerSection value={reading.owner} />
      <SpanBar span={span} onChange={setSpan} />
      <UsageHistory span={span} of={{ id: key.id, quota: key.bandwidth_limit_bytes }} />
      <OutcomesSection span={span} keyId={key.key_id} />
      <KeyRecords value={key} />
    </ReaderContext>
  );
}

function AnyKeyActions(props: { value: FoundKey; onAction: (dialog: OpenFoundKeyDialog) => void }) {
  const { value, onAction } = props;
  const { deleted_at, suspended_at, user_id } = value;
  // a key that was removed with its account has no actions
  if (deleted_at && !user_id) return null;
  return (
    <>
      {!deleted_at && (
        <Button onClick={() => onAction({ kind: 'limits', value })}>Set limits</Button>
      )}
      {deleted_at || suspended_at ? (
        <Button onClick={() => onAction({ kind: 'reactivate', value })}>Reactivate</Button>
      ) : (
        <Button onClick={() => onAction({ kind: 'suspend', value })}>Suspend</Button>
      )}
    </>
  );
}
