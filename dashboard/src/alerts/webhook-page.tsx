import { ChevronLeft } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { Loaded } from '../components/loaded.tsx';
import type { Webhook, WebhookWithSecret } from '../data/alert.ts';
import { useWebhooks } from '../data/use-webhooks.ts';
import page from '../key/key-page.module.css';
import { Page } from '../layout/page.tsx';
import { DeleteWebhookDialog } from './delete-webhook-dialog.tsx';
import { DeliverySection } from './delivery-section.tsx';
import { EditWebhookDialog } from './edit-webhook-dialog.tsx';
import { RotateWebhookDialog } from './rotate-webhook-dialog.tsx';
import { WebhookActions, type WebhookDialogKind } from './webhook-actions.tsx';
import { WebhookHead } from './webhook-head.tsx';
import { WebhookSecretDialog } from './webhook-secret-dialog.tsx';
import { webhookName } from './webhook-words.ts';

/** One webhook: its state, deliveries and actions. */
export default function WebhookPage({ operator }: { operator: boolean }) {
  const { webhookId = '' } = useParams();
  const query = useWebhooks(operator);
  const webhook = query.data?.find(({ id }) => id === webhookId);
  const base = operator ? '/admin/webhooks' : '/alerts/webhooks';
  const list = operator ? 'Operator’s webhooks' : 'Webhooks';

  const back = (
    <Link to={base} className={page.back ?? ''}>
      <ChevronLeft size={18} aria-hidden />
      {list}
    </Link>
  );
  if (webhook) return <Shown key={webhook.id} {...{ webhook, operator, base, back }} />;
  if (query.data) {
    return (
      <Page title="Webhook not found" above={back}>
        <p>It may have been deleted, or belong to another account.</p>
      </Page>
    );
  }
  return (
    <Page title="Webhook" above={back}>
      <Loaded query={query} what="the webhook">
        {() => null}
      </Loaded>
    </Page>
  );
}

function Shown(props: { webhook: Webhook; operator: boolean; base: string; back: ReactNode }) {
  const { webhook, operator, base, back } = props;
  const navigate = useNavigate();
  // holds a secret only while it is shown
  const [dialog, setDialog] = useState<WebhookDialogKind | WebhookWithSecret>();
  const common = { value: webhook, operator, onClose: () => setDialog(undefined) };
  return (
    <Page title={webhookName(webhook)} above={back}>
      <WebhookActions value={webhook} operator={operator} onOpen={setDialog} />
      <WebhookHead value={webhook} />
      <DeliverySection value={webhook} operator={operator} />
      {dialog === 'edit' && <EditWebhookDialog {...common} />}
      {dialog === 'rotate' && <RotateWebhookDialog {...common} onRotated={setDialog} />}
      {dialog === 'delete' && (
        <DeleteWebhookDialog {...common} onDeleted={() => void navigate(base)} />
      )}
      {typeof dialog === 'object' && (
        <WebhookSecretDialog value={dialog} onClose={common.onClose} />
      )}
    </Page>
  );
}
