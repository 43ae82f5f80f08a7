import { ChevronLeft } from 'lucide-react';
import { useState } from 'react';
import { Link, useParams } from 'react-router';
import { Button } from '../components/button.tsx';
import { Loaded } from '../components/loaded.tsx';
import { ConnectSection } from '../connect/connect-section.tsx';
import type { Key } from '../data/key.ts';
import { Refusal } from '../data/refusal.ts';
import { useKey } from '../data/use-keys.ts';
import { KeyDialog, type OpenKeyDialog } from '../keys/key-dialog.tsx';
import { stateOf } from '../keys/key-state.ts';
import { Page } from '../layout/page.tsx';
import { moment, useNow } from '../usage-chart/use-now.ts';
import { AccessSection } from './access-section.tsx';
import { KeyHead } from './key-head.tsx';
import styles from './key-page.module.css';
import { KeyRecords } from './key-records.tsx';
import { KeyUsage } from './key-usage.tsx';
import { LimitSection } from './limit-section.tsx';

/** One key of the signed-in user: its state, usage, settings and actions. */
export default function KeyPage() {
  const { keyId = '' } = useParams();
  const query = useKey(keyId);
  const [dialog, setDialog] = useState<OpenKeyDialog>();
  const key = query.data;

  const back = (
    <Link to="/keys" className={styles.back ?? ''}>
      <ChevronLeft size={18} aria-hidden />
      Keys
    </Link>
  );
  if (!key && isNoKey(query.error)) {
    return (
      <Page title="Key not found">
        <p>
          It may belong to another account. Go to your <Link to="/keys">keys</Link>.
        </p>
      </Page>
    );
  }
  return (
    <Page
      title={key?.label ?? 'Key'}
      above={back}
      actions={key && <KeyActions value={key} onAction={setDialog} />}
    >
      <Loaded query={query} what="the key">
        {(value) => (
          <>
            <KeyHead value={value} />
            {!value.deleted_at && <ConnectSection keyId={value.key_id} />}
            <KeyUsage value={value} />
            <div className={styles.pair}>
              <LimitSection value={value} />
              <AccessSection value={value} />
            </div>
            <KeyRecords value={value} />
          </>
        )}
      </Loaded>
      <KeyDialog open={dialog} onOpen={setDialog} />
    </Page>
  );
}

/** Whether the URL names no key of the user: the key does not exist, or the text is no valid key ID. */
function isNoKey(error: unknown): boolean {
  return error instanceof Refusal && ['not_found', 'invalid_request'].includes(error.code);
}

function KeyActions(props: { value: Key; onAction: (dialog: OpenKeyDialog) => void }) {
  const { value, onAction } = props;
  const { state } = stateOf(value, useNow(moment));
  // a deleted key has no actions
  if (state === 'deleted') return null;
  return (
    <>
      <Button onClick={() => onAction({ kind: 'rename', value })}>Rename</Button>
      {state !== 'suspended' && state !== 'expired' && (
        <Button onClick={() => onAction({ kind: 'rotate', value })}>Rotate secret</Button>
      )}
      <Button onClick={() => onAction({ kind: 'delete', value })}>Delete</Button>
    </>
  );
}
