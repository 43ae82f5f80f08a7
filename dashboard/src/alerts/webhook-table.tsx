import { Link } from 'react-router';
import { Badge } from '../components/badge.tsx';
import table from '../components/table.module.css';
import type { Webhook } from '../data/alert.ts';
import styles from './webhook-table.module.css';
import { kindWords, wantedWords, webhookName, webhookState } from './webhook-words.ts';

/** Some webhooks, one row each; on a phone one card each. Their pages are under `base`. */
export function WebhookTable({ webhooks, base }: { webhooks: Webhook[]; base: string }) {
  return (
    <div className={table.frame}>
      {/* the roles hold where a phone's layout takes a table's own away */}
      <table role="table" className={`${table.table} ${table.cards}`}>
        <caption className="visually-hidden">Webhooks</caption>
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader">Webhook</th>
            <th role="columnheader">Kind</th>
            <th role="columnheader">State</th>
            <th role="columnheader">Gets</th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {webhooks.map((webhook) => (
            <WebhookRow key={webhook.id} value={webhook} base={base} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function WebhookRow({ value: webhook, base }: { value: Webhook; base: string }) {
  const { name, kind, explanation } = webhookState(webhook);
  return (
    <tr role="row">
      <th role="rowheader" scope="row" className={styles.name}>
        <Link to={`${base}/${webhook.id}`}>
          <bdi>{webhookName(webhook)}</bdi>
        </Link>
        {webhook.label && webhook.address && <p className={table.small}>{webhook.address}</p>}
      </th>
      <td role="cell" data-name="Kind">
        {kindWords(webhook.kind)}
      </td>
      <td role="cell" data-name="State" className={table.wide}>
        <Badge kind={kind}>{name}</Badge>
        <p className={table.small}>{explanation}</p>
      </td>
      <td role="cell" data-name="Gets" className={table.wide}>
        {wantedWords(webhook)}
      </td>
    </tr>
  );
}
