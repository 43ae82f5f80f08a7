import { Plus, Webhook as WebhookIcon } from 'lucide-react';
import { useState } from 'react';
import { AdminNav } from '../admin/admin-nav.tsx';
import { Button } from '../components/button.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { Loaded } from '../components/loaded.tsx';
import type { WebhookWithSecret } from '../data/alert.ts';
import { useWebhooks } from '../data/use-webhooks.ts';
import { Page } from '../layout/page.tsx';
import { AlertsNav } from './alerts-nav.tsx';
import { NewWebhookDialog } from './new-webhook-dialog.tsx';
import { WebhookSecretDialog } from './webhook-secret-dialog.tsx';
import { WebhookTable } from './webhook-table.tsx';

/** The webhooks of the signed-in user, or for admins the operator's. */
export default function WebhooksPage({ operator }: { operator: boolean }) {
  const webhooks = useWebhooks(operator);
  // holds a secret only while it is shown
  const [dialog, setDialog] = useState<'new' | WebhookWithSecret>();
  const close = () => setDialog(undefined);
  const add = () => setDialog('new');
  return (
    <Page
      title={operator ? 'Operator’s webhooks' : 'Webhooks'}
      above={operator ? <AdminNav /> : <AlertsNav />}
      actions={
        <Button kind="primary" onClick={add}>
          <Plus size={18} aria-hidden />
          Create webhook
        </Button>
      }
    >
      <p>
        {operator
          ? 'These webhooks receive the alerts of all users, with user IDs and without key labels.'
          : 'Webhooks receive your alerts as they are raised.'}{' '}
        You can have up to ten.
      </p>
      <Loaded query={webhooks} what="the webhooks">
        {(all) =>
          all.length === 0 ? (
            <EmptyState icon={<WebhookIcon size={28} aria-hidden />} title="No webhooks yet">
              <p>
                Send alerts to a server, Slack, Discord or PagerDuty{!operator && ', or by e-mail'}.
              </p>
            </EmptyState>
          ) : (
            <WebhookTable webhooks={all} base={operator ? '/admin/webhooks' : '/alerts/webhooks'} />
          )
        }
      </Loaded>
      {dialog === 'new' && (
        <NewWebhookDialog operator={operator} onClose={close} onCreated={setDialog} />
      )}
      {typeof dialog === 'object' && <WebhookSecretDialog value={dialog} onClose={close} />}
    </Page>
  );
}
