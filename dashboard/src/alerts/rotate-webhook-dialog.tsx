import { Button } from '../components/button.tsx';
import { Dialog, DialogButtons } from '../components/dialog.tsx';
import { RefusalNotice } from '../components/refusal-notice.tsx';
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
    <Dialog title="Rotate the signing secret" onClose={onClose}>
      <p>
        Requests are signed with the new secret at once, and never again with the old one. Until
        your receiver has the new one it refuses them; what it refuses is attempted again.
      </p>
      {rotate.refusal && <RefusalNotice refusal={rotate.refusal} />}
      <DialogButtons>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="primary" busy={rotate.busy} onClick={() => void rotate.run()}>
          Rotate secret
        </Button>
      </DialogButtons>
    </Dialog>
  );
}
