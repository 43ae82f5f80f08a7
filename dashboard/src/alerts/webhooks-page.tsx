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

/** Where alerts are sent: the webhooks of the signed-in user, or the operator's for admins. */
export default function WebhooksPage({ operator }: { operator: boolean }) {
  const webhooks = useWebhooks(operator);
  // a secret is held here while it is shown, and nowhere after
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
          New webhook
        </Button>
      }
    >
      <p>
        {operator
          ? 'They get the alerts of all users, with the user’s ID and without labels.'
          : 'They get your alerts as they are raised.'}{' '}
        There can be up to ten.
      </p>
      <Loaded query={webhooks} what="the webhooks">
        {(all) =>
          all.length === 0 ? (
            <EmptyState
              icon={<WebhookIcon size={28} aria-hidden />}
              title="There are no webhooks yet"
            >
              <p>
                Alerts can go to a server, Slack, Discord, PagerDuty{!operator && ' or by e-mail'}.
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
