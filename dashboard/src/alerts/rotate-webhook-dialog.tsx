import { FormDialog } from '../components/form-dialog.tsx';
import { useAction } from '../components/use-action.ts';
import type { Webhook, WebhookWithSecret } from '../data/alert.ts';
import { rotateWebhook } from '../data/alert-actions.ts';
import { useSession } from '../session/session-context.ts';

/** Explains the consequences and rotates the signing secret. */
export function RotateWebhookDialog(props: {
  value: Webhook;
  operator: boolean;
  onClose: () => void;
  onRotated: (webhook: WebhookWithSecret) => void;
}) {
  const { value: webhook, operator, onClose, onRotated } = props;
  const { supabase } = useSession();
  const rotate = useAction(async () =>
    onRotated(await rotateWebhook(supabase, webhook.id, operator)),
  );
  return (
    <FormDialog
      title="Rotate signing secret"
      onClose={onClose}
      action={rotate}
      submit="Rotate secret"
    >
      <p>
        From now on, requests are signed only with the new secret. Your receiver refuses them until
        it has the new secret; refused deliveries are retried.
      </p>
    </FormDialog>
  );
}
