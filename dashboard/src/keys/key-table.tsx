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

/** Keys, one row each. */
export function KeyTable(props: {
  keys: Key[];
  order: Order<SortColumn>;
  onOrder: (order: Order<SortColumn>) => void;
  selected: ReadonlyMap<string, Key>;
  onSelect: (selected: ReadonlyMap<string, Key>) => void;
  onAction: OnAction;
}) {
  const { keys, selected, onSelect, onAction, ...order } = props;
  const columns = useMemo(
    () => [selectColumn(keys, selected, onSelect), ...columnsOf(onAction)],
    [keys, selected, onSelect, onAction],
  );
  return (
    <Table caption="Your keys" columns={columns} rows={keys} idOf={({ id }) => id} {...order} />
  );
}

/** The column with checkboxes, for keys that are not deleted. */
function selectColumn(
  keys: Key[],
  selected: ReadonlyMap<string, Key>,
  onSelect: (selected: ReadonlyMap<string, Key>) => void,
): Column<Key, SortColumn> {
  const page = keys.filter((key) => !key.deleted_at);
  const count = page.filter(({ id }) => selected.has(id)).length;
  const select = (some: Key[], isSelected: boolean) => {
    const next = new Map(selected);
    for (const key of some) {
      if (isSelected) next.set(key.id, key);
      else next.delete(key.id);
    }
    onSelect(next);
  };
  return {
    name: 'Select',
    kind: 'select',
    heading: page.length > 0 && (
      <input
        type="checkbox"
        aria-label="Select all keys on this page"
        checked={count === page.length}
        ref={(input) => {
          if (input) input.indeterminate = count > 0 && count < page.length;
        }}
        onChange={(event) => select(page, event.target.checked)}
      />
    ),
    cell: (key) =>
      !key.deleted_at && (
        <input
          type="checkbox"
          aria-label={`Select ${key.label}`}
          checked={selected.has(key.id)}
          onChange={(event) => select([key], event.target.checked)}
        />
      ),
  };
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
