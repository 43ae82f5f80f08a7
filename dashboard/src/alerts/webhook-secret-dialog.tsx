import { useId } from 'react';
import { Button } from '../components/button.tsx';
import { CopyField } from '../components/copy-field.tsx';
import { Dialog, DialogButtons } from '../components/dialog.tsx';
import { Notice } from '../components/notice.tsx';
import { useHeldPage } from '../components/page-hold.ts';
import type { WebhookWithSecret } from '../data/alert.ts';
import { webhookName } from './webhook-words.ts';

/** Shows a signing secret, once. Only a button closes the dialog, so that it is not left by accident. */
export function WebhookSecretDialog(props: { value: WebhookWithSecret; onClose: () => void }) {
  const { value: webhook, onClose } = props;
  const warning = useId();

  useHeldPage();
  return (
    <Dialog
      title={`Signing secret of “${webhookName(webhook)}”`}
      onClose={onClose}
      mustAnswer
      describedBy={warning}
    >
      <div id={warning}>
        <Notice kind="warning">
          The secret is shown only once. Store it now: you cannot read it again, only replace it.
        </Notice>
      </div>
      <p>Your receiver uses it to verify each request, according to Standard Webhooks.</p>
      <CopyField name="Signing secret" value={webhook.secret ?? ''} />
      <DialogButtons>
        <Button kind="primary" onClick={onClose}>
          I have stored it
        </Button>
      </DialogButtons>
    </Dialog>
  );
}
