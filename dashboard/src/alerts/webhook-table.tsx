import { useMemo } from 'react';
import { Link } from 'react-router';
import { Badge } from '../components/badge.tsx';
import table from '../components/table.module.css';
import { type Column, Table } from '../components/table.tsx';
import type { Webhook } from '../data/alert.ts';
import styles from './webhook-table.module.css';
import { kindWords, wantedWords, webhookName, webhookState } from './webhook-words.ts';

/** Webhooks, one row each. Their pages are under `base`. */
export function WebhookTable({ webhooks, base }: { webhooks: Webhook[]; base: string }) {
  const columns = useMemo(() => columnsOf(base), [base]);
  return <Table caption="Webhooks" columns={columns} rows={webhooks} idOf={({ id }) => id} />;
}

const columnsOf = (base: string): Column<Webhook>[] => [
  {
    name: 'Webhook',
    kind: 'row',
    className: styles.name,
    cell: (webhook) => (
      <>
        <Link to={`${base}/${webhook.id}`}>
          <bdi>{webhookName(webhook)}</bdi>
        </Link>
        {webhook.label && webhook.address && <p className={table.small}>{webhook.address}</p>}
      </>
    ),
  },
  { name: 'Kind', cell: ({ kind }) => kindWords(kind) },
  { name: 'State', wide: true, cell: (webhook) => <State value={webhook} /> },
  { name: 'Alerts', wide: true, cell: wantedWords },
];

function State({ value }: { value: Webhook }) {
  const { name, kind, explanation } = webhookState(value);
  return (
    <>
      <Badge kind={kind}>{name}</Badge>
      <p className={table.small}>{explanation}</p>
    </>
  );
}
