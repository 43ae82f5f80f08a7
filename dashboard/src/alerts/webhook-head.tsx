import { Badge } from '../components/badge.tsx';
import type { Webhook } from '../data/alert.ts';
import { dateTime } from '../format/time.ts';
import { Fact, Facts } from '../key/facts.tsx';
import page from '../key/key-page.module.css';
import { kindWords, wantedWords, webhookState } from './webhook-words.ts';

/** A webhook's state, address and alert types. */
export function WebhookHead({ value: webhook }: { value: Webhook }) {
  const { name, kind, explanation } = webhookState(webhook);
  return (
    <div className={page.head}>
      {/* screen readers announce changes */}
      <p role="status" className={page.state}>
        <Badge kind={kind}>{name}</Badge>
        <span>{explanation}</span>
      </p>
      {/* stacked, because a URL may be long */}
      <Facts stacked>
        <Fact name="Sent to">{webhook.address ?? 'Unknown'}</Fact>
      </Facts>
      <Facts>
        <Fact name="Kind">{kindWords(webhook.kind)}</Fact>
        <Fact name="Alerts">{wantedWords(webhook)}</Fact>
        <Fact name="Created">{dateTime(webhook.created_at)}</Fact>
        <Fact name="Last delivered">
          {webhook.last_delivered_at ? dateTime(webhook.last_delivered_at) : 'Never'}
        </Fact>
      </Facts>
    </div>
  );
}
