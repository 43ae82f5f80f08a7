import { useMemo } from 'react';
import { Link } from 'react-router';
import type { Order } from '../components/address-filters.ts';
import { type Column, Table } from '../components/table.tsx';
import type { Key } from '../data/key.ts';
import { date } from '../format/time.ts';
import { lastUsedColumn, stateColumn, tierColumn, usedColumn } from './key-columns.tsx';
import type { OpenKeyDialog } from './key-dialog.tsx';
import type { SortColumn } from './key-filters.ts';
import { KeyMenu } from './key-menu.tsx';
import styles from './key-table.module.css';

type OnAction = (dialog: OpenKeyDialog) => void;

/** Some keys, one row each. */
export function KeyTable(props: {
  keys: Key[];
  order: Order<SortColumn>;
  onOrder: (order: Order<SortColumn>) => void;
  onAction: OnAction;
}) {
  const { keys, onAction, ...order } = props;
  const columns = useMemo(() => columnsOf(onAction), [onAction]);
  return (
    <Table caption="Your keys" columns={columns} rows={keys} idOf={({ id }) => id} {...order} />
  );
}

const columnsOf = (onAction: OnAction): Column<Key, SortColumn>[] => [
  {
    name: 'Key',
    kind: 'row',
    sort: { by: 'label' },
    className: styles.name,
    cell: ({ key_id, label, deleted_at }) => (
      <>
        <Link to={`/keys/${key_id}`} data-gone={deleted_at ? true : undefined}>
          <bdi>{label}</bdi>
        </Link>
        <code>{key_id}</code>
      </>
    ),
  },
  stateColumn,
  tierColumn,
  { ...usedColumn, sort: { by: 'used', descendingFirst: true } },
  { ...lastUsedColumn, sort: { by: 'last_used', descendingFirst: true } },
  {
    name: 'Created',
    sort: { by: 'created', descendingFirst: true },
    className: styles.date,
    cell: ({ created_at }) => date(created_at),
  },
  {
    name: 'Actions',
    kind: 'menu',
    cell: (key) => <KeyMenu value={key} onAction={onAction} />,
  },
];
