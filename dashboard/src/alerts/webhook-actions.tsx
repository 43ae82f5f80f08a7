import { Button } from '../components/button.tsx';
import { RefusalNotice } from '../components/refusal-notice.tsx';
import { useAction } from '../components/use-action.ts';
import type { Webhook } from '../data/alert.ts';
import { testWebhook, updateWebhook } from '../data/alert-actions.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import styles from './webhook-page.module.css';

/** The actions that open a dialog. */
export type WebhookDialogKind = 'edit' | 'rotate' | 'delete';

/** The actions for a webhook. */
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
    announce('Sending a test. See the result below.');
  });
  const toggle = useAction(async (disabled: boolean) => {
    await updateWebhook(supabase, webhook.id, { disabled }, operator);
    announce(
      disabled
        ? 'Webhook disabled. Alerts raised while it is disabled are never sent to it.'
        : 'Webhook enabled.',
    );
  });
  const isDisabled = webhook.disabled_at !== null;
  const refusal = test.refusal ?? toggle.refusal;
  return (
    <>
      <div className={styles.actions}>
        {!isDisabled && (
          <Button busy={test.busy} onClick={() => void test.run()}>
            Send test
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
