import { Badge } from '../components/badge.tsx';
import type { Webhook } from '../data/alert.ts';
import { dateTime } from '../format/time.ts';
import { Fact, Facts } from '../key/facts.tsx';
import page from '../key/key-page.module.css';
import { kindWords, wantedWords, webhookState } from './webhook-words.ts';

/** Whether a webhook works, where it leads, and what it gets. */
export function WebhookHead({ value: webhook }: { value: Webhook }) {
  const { name, kind, explanation } = webhookState(webhook);
  return (
    <div className={page.head}>
      {/* read out as it changes */}
      <p role="status" className={page.state}>
        <Badge kind={kind}>{name}</Badge>
        <span>{explanation}</span>
      </p>
      {/* a URL may be long */}
      <Facts stacked>
        <Fact name="Sent to">{webhook.address ?? 'Not known'}</Fact>
      </Facts>
      <Facts>
        <Fact name="Kind">{kindWords(webhook.kind)}</Fact>
        <Fact name="Gets">{wantedWords(webhook)}</Fact>
        <Fact name="Created">{dateTime(webhook.created_at)}</Fact>
        <Fact name="Last delivered">
          {webhook.last_delivered_at ? dateTime(webhook.last_delivered_at) : 'Never'}
        </Fact>
      </Facts>
    </div>
  );
}
