import { Badge } from '../components/badge.tsx';
import { Button } from '../components/button.tsx';
import type { Attempt, Delivery, Webhook } from '../data/alert.ts';
import { counted } from '../format/amount.ts';
import { dateTime } from '../format/time.ts';
import { duration } from '../key/event-words.ts';
import { minute, useNow } from '../usage-chart/use-now.ts';
import { typeWords } from './alert-types.ts';
import styles from './delivery-entry.module.css';
import { deliveryState, outcomeWords } from './delivery-words.ts';

/** One delivery with its attempts. */
export function DeliveryEntry(props: {
  value: Delivery;
  webhook: Webhook;
  busy: boolean;
  onResend: () => void;
}) {
  const { value: delivery, webhook, busy, onResend } = props;
  const { name, kind, explanation } = deliveryState(delivery, webhook, useNow(minute));
  const last = delivery.attempt_log.at(-1);
  const what = typeWords(delivery.type);
  return (
    <li className={styles.delivery}>
      <div className={styles.what}>
        <strong>{what}</strong>
        <time dateTime={delivery.occurred_at} className={styles.note}>
          {dateTime(delivery.occurred_at)}
        </time>
      </div>
      <div className={styles.state}>
        <Badge kind={kind}>{name}</Badge>
        {explanation && <span className={styles.note}>{explanation}</span>}
        {last && <span className={styles.note}>{attemptWords(last)}</span>}
      </div>
      {!webhook.disabled_at && (
        <div className={styles.action}>
          <Button
            busy={busy}
            aria-label={`Send again: ${what}, ${dateTime(delivery.occurred_at)}`}
            onClick={onResend}
          >
            Send again
          </Button>
        </div>
      )}
      {delivery.attempt_log.length > 0 && (
        <details className={styles.attempts}>
          <summary>{counted(delivery.attempts, 'attempt')}</summary>
          <ol>
            {delivery.attempt_log.map((attempt) => (
              <AttemptEntry key={attempt.number} value={attempt} />
            ))}
          </ol>
        </details>
      )}
    </li>
  );
}

function AttemptEntry({ value: attempt }: { value: Attempt }) {
  return (
    <li value={attempt.number}>
      <p>
        {attemptWords(attempt)}{' '}
        <time dateTime={attempt.started_at} className={styles.note}>
          {dateTime(attempt.started_at)}
        </time>
      </p>
      {attempt.answer && (
        <>
          <p className={styles.note}>Response body, up to 500 bytes:</p>
          <pre dir="auto" translate="no" className={styles.answer}>
            {attempt.answer}
          </pre>
        </>
      )}
    </li>
  );
}

/** For example: “Refused by the receiver, status 500, after 12 ms.” */
function attemptWords(attempt: Attempt): string {
  const status = attempt.status === null ? '' : `, status ${attempt.status}`;
  return `${outcomeWords(attempt)}${status}, after ${duration(attempt.duration_ms)}.`;
}
