import { FormDialog } from '../components/form-dialog.tsx';
import { useAction } from '../components/use-action.ts';
import type { Webhook } from '../data/alert.ts';
import { deleteWebhook } from '../data/alert-actions.ts';
import styles from '../keys/delete-dialog.module.css';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import { webhookName } from './webhook-words.ts';

/** Deletes a webhook once that is confirmed. */
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
    announce(`The webhook “${webhookName(webhook)}” is deleted.`);
    onDeleted();
  });
  return (
    <FormDialog
      title="Delete the webhook"
      onClose={onClose}
      action={remove}
      submit="Delete the webhook"
      kind="danger"
    >
      <p>
        Nothing is sent to it any more, and its deliveries are deleted with it. The list of alerts
        stays. To stop it for a while, disable it.
      </p>
      <p className={styles.label}>
        <bdi>{webhookName(webhook)}</bdi>
      </p>
    </FormDialog>
  );
}
