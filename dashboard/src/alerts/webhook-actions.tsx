import { Button } from '../components/button.tsx';
import { RefusalNotice } from '../components/refusal-notice.tsx';
import { useAction } from '../components/use-action.ts';
import type { Webhook } from '../data/alert.ts';
import { testWebhook, updateWebhook } from '../data/alert-actions.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import styles from './webhook-page.module.css';

/** What has a dialog. */
export type WebhookDialogKind = 'edit' | 'rotate' | 'delete';

/** What can be done with a webhook. */
export function WebhookActions(props: {
  value: Webhook;
  operator: boolean;
  onOpen: (dialog: WebhookDialogKind) => void;
}) {
  const { value: webhook, operator, onOpen } = props;
  const { supabase } = useSession();
  const announce = useAnnounce();
  const test = useAction(async () => {
    await testWebhook(supabase, webhook.id, operator);
    announce('A test is on its way. What comes of it is shown below.');
  });
  const toggle = useAction(async (disabled: boolean) => {
    await updateWebhook(supabase, webhook.id, { disabled }, operator);
    announce(
      disabled
        ? 'The webhook is disabled. Alerts that are raised now are not sent to it later.'
        : 'The webhook is enabled.',
    );
  });
  const isDisabled = webhook.disabled_at !== null;
  const refusal = test.refusal ?? toggle.refusal;
  return (
    <>
      <div className={styles.actions}>
        {!isDisabled && (
          <Button busy={test.busy} onClick={() => void test.run()}>
            Send a test
          </Button>
        )}
        <Button busy={toggle.busy} onClick={() => void toggle.run(!isDisabled)}>
          {isDisabled ? 'Enable' : 'Disable'}
        </Button>
        <Button onClick={() => onOpen('edit')}>Edit</Button>
        {webhook.kind === 'webhook' && (
          <Button onClick={() => onOpen('rotate')}>Rotate secret</Button>
        )}
        <Button onClick={() => onOpen('delete')}>Delete</Button>
      </div>
      {refusal && <RefusalNotice refusal={refusal} />}
    </>
  );
}
