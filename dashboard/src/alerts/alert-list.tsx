import { CircleAlert, Info, TriangleAlert } from 'lucide-react';
import { Link } from 'react-router';
import type { Alert } from '../data/alert.ts';
import { useWebhooks } from '../data/use-webhooks.ts';
import { dateTime } from '../format/time.ts';
import styles from './alert-list.module.css';
import { alertWords, keyIdOf, webhookIdOf } from './alert-words.ts';

const icons = { info: Info, warning: TriangleAlert, error: CircleAlert };

/** Alerts in words. */
export function AlertList({ alerts }: { alerts: Alert[] }) {
  const webhooks = useWebhooks(false).data ?? [];
  return (
    <ol className={styles.alerts}>
      {alerts.map((alert) => {
        const webhookId = webhookIdOf(alert);
        // the webhook may be deleted, or the operator's
        const isThere = webhooks.some(({ id }) => id === webhookId);
        return (
          <AlertEntry key={alert.id} value={alert} webhookId={isThere ? webhookId : undefined} />
        );
      })}
    </ol>
  );
}

function AlertEntry(props: { value: Alert; webhookId: string | undefined }) {
  const { value: alert, webhookId } = props;
  const { title, text, severity } = alertWords(alert);
  const keyId = keyIdOf(alert);
  const Icon = icons[severity];
  return (
    <li className={styles.alert}>
      <Icon size={18} aria-hidden className={styles[severity]} />
      <div className={styles.words}>
        <strong>{title}</strong>
        <p>{text}</p>
        {keyId && (
          <Link to={`/keys/${keyId}`}>
            Open key<span className="visually-hidden"> {keyId}</span>
          </Link>
        )}
        {webhookId && <Link to={`/alerts/webhooks/${webhookId}`}>Open webhook</Link>}
      </div>
      <time dateTime={alert.occurred_at} className={styles.when}>
        {dateTime(alert.occurred_at)}
      </time>
    </li>
  );
}
