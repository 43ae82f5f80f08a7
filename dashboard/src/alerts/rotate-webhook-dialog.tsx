import { FormDialog } from '../components/form-dialog.tsx';
import { useAction } from '../components/use-action.ts';
import type { Webhook, WebhookWithSecret } from '../data/alert.ts';
import { rotateWebhook } from '../data/alert-actions.ts';
import { useSession } from '../session/session-context.ts';

/** Says what a new signing secret means, and makes one. */
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
      title="Rotate the signing secret"
      onClose={onClose}
      action={rotate}
      submit="Rotate secret"
    >
      <p>
        Requests are signed with the new secret at once, and never again with the old one. Until
        your receiver has the new one it refuses them; what it refuses is attempted again.
      </p>
    </FormDialog>
  );
}
