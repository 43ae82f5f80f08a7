import { useMemo } from 'react';
import { Link } from 'react-router';
import { type Column, Table } from '../components/table.tsx';
import type { FoundKey } from '../data/key.ts';
import { number } from '../format/amount.ts';
import { lastUsedColumn, stateColumn, tierColumn, usedColumn } from '../keys/key-columns.tsx';
import styles from './admin-table.module.css';
import type { OpenFoundKeyDialog } from './found-key-dialog.tsx';
import { FoundKeyMenu } from './found-key-menu.tsx';
import { ownerOf } from './found-key-name.tsx';

type OnAction = (dialog: OpenFoundKeyDialog) => void;

/** Keys of any users, one row each. */
export function FoundKeyTable({ keys, onAction }: { keys: FoundKey[]; onAction: OnAction }) {
  const columns = useMemo(() => columnsOf(onAction), [onAction]);
  return <Table caption="Keys of all users" columns={columns} rows={keys} idOf={({ id }) => id} />;
}

const columnsOf = (onAction: OnAction): Column<FoundKey>[] => [
  {
    name: 'Key',
    kind: 'row',
    className: styles.name,
    cell: ({ key_id, label }) => (
      <>
        <Link to={`/admin/keys/${key_id}`}>
          <bdi>{label}</bdi>
        </Link>
        <code>{key_id}</code>
      </>
    ),
  },
  {
    name: 'Owner',
    wide: true,
    className: styles.person,
    cell: (key) => <bdi>{ownerOf(key)}</bdi>,
  },
  { ...stateColumn, className: styles.words },
  tierColumn,
  {
    ...usedColumn,
    cell: (key) => (
      <>
        {usedColumn.cell(key)}
        <span className={styles.rate}>At most {number(key.rate_limit)}/s</span>
      </>
    ),
  },
  { ...lastUsedColumn, className: styles.short },
  {
    name: 'Actions',
    kind: 'menu',
    cell: (key) => <FoundKeyMenu value={key} onAction={onAction} />,
  },
];
