import { type ReactNode, useId } from 'react';
import { Button } from '../components/button.tsx';
import { CopyField } from '../components/copy-field.tsx';
import { Dialog, DialogButtons } from '../components/dialog.tsx';
import { Notice } from '../components/notice.tsx';
import { useHeldPage } from '../components/page-hold.ts';
import { useSecondsUntil } from '../components/refusal-notice.tsx';
import { Connect } from '../connect/connect.tsx';
import type { MintedKey, RotatedKey } from '../data/key.ts';
import { counted } from '../format/amount.ts';
import styles from './secret-dialog.module.css';

type WithSecret = Pick<MintedKey, 'key_id' | 'secret' | 'basic_auth' | 'label'>;

/** Shows the secret of a key just minted. */
export function MintedDialog({ minted, onClose }: { minted: MintedKey; onClose: () => void }) {
  return (
    <SecretDialog title={`Your new key “${minted.label}”`} value={minted} onClose={onClose}>
      {null}
    </SecretDialog>
  );
}

/** Shows the new secret of a key just rotated, and what became of the old one. */
export function RotatedDialog(props: {
  rotated: RotatedKey;
  graceSeconds: number;
  onClose: () => void;
}) {
  const { rotated, graceSeconds, onClose } = props;
  const left = useSecondsUntil(Date.parse(rotated.rotated_at) + graceSeconds * 1_000);
  return (
    <SecretDialog title={`New secret for “${rotated.label}”`} value={rotated} onClose={onClose}>
      <p>
        {left > 0
          ? `The old secret works for ${counted(left, 'more second', 'more seconds')}.`
          : 'The old secret is refused.'}{' '}
        You can rotate {counted(rotated.rotations_left, 'more time', 'more times')} within a minute.
      </p>
    </SecretDialog>
  );
}

/** The one time that a secret is shown: closed by a button alone, and not left by accident. */
function SecretDialog(props: {
  title: string;
  value: WithSecret;
  onClose: () => void;
  children: ReactNode;
}) {
  const { title, value: key, onClose, children } = props;
  const warning = useId();
  const connect = useId();

  useHeldPage();
  return (
    <Dialog title={title} onClose={onClose} mustAnswer describedBy={warning}>
      <div id={warning}>
        <Notice kind="warning">
          This is the only time the secret is shown. Store it now: nobody can read it again, only
          replace it.
        </Notice>
      </div>
      {children}
      <CopyField name="Key ID" value={key.key_id} />
      <CopyField name="Secret" value={key.secret} />
      <CopyField name="Username:password" value={key.basic_auth} />
      <section aria-labelledby={connect} className={styles.connect}>
        <h3 id={connect}>Connect</h3>
        <Connect keyId={key.key_id} secret={key.secret} />
      </section>
      <DialogButtons>
        <Button kind="primary" onClick={onClose}>
          I have stored it
        </Button>
      </DialogButtons>
    </Dialog>
  );
}
