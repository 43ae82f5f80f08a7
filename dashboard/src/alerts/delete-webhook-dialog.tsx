import { FormDialog } from '../components/form-dialog.tsx';
import { useAction } from '../components/use-action.ts';
import type { Webhook } from '../data/alert.ts';
import { deleteWebhook } from '../data/alert-actions.ts';
import styles from '../keys/delete-dialog.module.css';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import { webhookName } from './webhook-words.ts';

/** Deletes a webhook after a confirmation. */
export function DeleteWebhookDialog(props: {
  value: Webhook;
  operator: boolean;
  onClose: () => void;
  onDeleted: () => void;
}) {
  const { value: webhook, operator, onClose, onDeleted } = props;
  const { supabase } = useSession();
  const announce = useAnnounce();
  const remove = useAction(async () => {
    await deleteWebhook(supabase, webhook.id, operator);
    announce(`Webhook “${webhookName(webhook)}” deleted.`);
    onDeleted();
  });
  return (
    <FormDialog
      title="Delete webhook"
      onClose={onClose}
      action={remove}
      submit="Delete webhook"
      kind="danger"
    >
      <p>
        Alerts are no longer sent to this webhook, and its deliveries are deleted. The list of
        alerts is kept. To pause the webhook, disable it instead.
      </p>
      <p className={styles.label}>
        <bdi>{webhookName(webhook)}</bdi>
      </p>
    </FormDialog>
  );
}
