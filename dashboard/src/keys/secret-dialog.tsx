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

/** Shows the secret of a new key. */
export function MintedDialog({ minted, onClose }: { minted: MintedKey; onClose: () => void }) {
  return (
    <SecretDialog title={`Your new key “${minted.label}”`} value={minted} onClose={onClose}>
      {null}
    </SecretDialog>
  );
}

/** Shows the new secret after a rotation, and until when the old one works. */
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
          : 'The old secret no longer works.'}{' '}
        You can rotate {counted(rotated.rotations_left, 'more time', 'more times')} within this
        minute.
      </p>
    </SecretDialog>
  );
}

/** Shows a secret, once. Only a button closes the dialog, so that it is not left by accident. */
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
          The secret is shown only once. Store it now: you cannot read it again, only replace it.
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
