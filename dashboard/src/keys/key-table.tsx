import { ArrowDown, ArrowUp, ArrowUpDown } from 'lucide-react';
import { memo } from 'react';
import { Link } from 'react-router';
import { Moment } from '../components/moment.tsx';
import table from '../components/table.module.css';
import type { Key } from '../data/key.ts';
import { date } from '../format/time.ts';
import { KeyCells } from './key-cells.tsx';
import type { OpenKeyDialog } from './key-dialog.tsx';
import type { KeyFilters, SortColumn } from './key-filters.ts';
import { KeyMenu } from './key-menu.tsx';
import { KeyStateWords } from './key-state-words.tsx';
import styles from './key-table.module.css';

/** Some keys, a row each; on a phone a card each. */
export function KeyTable(props: {
  keys: Key[];
  sort: Pick<KeyFilters, 'sort' | 'descending'>;
  onSort: (column: SortColumn, descending: boolean) => void;
  onAction: (dialog: OpenKeyDialog) => void;
}) {
  const { keys, sort, onSort, onAction } = props;
  const header = (column: SortColumn, name: string, descendingFirst: boolean) => (
    <SortHeader
      name={name}
      order={sort.sort !== column ? undefined : sort.descending ? 'descending' : 'ascending'}
      onSort={() => onSort(column, sort.sort === column ? !sort.descending : descendingFirst)}
    />
  );
  return (
    <div className={table.frame}>
      {/* the roles hold where a phone's layout takes a table's own away */}
      <table role="table" className={`${table.table} ${table.cards} ${styles.keys}`}>
        <caption className="visually-hidden">Your keys</caption>
        <thead role="rowgroup">
          <tr role="row">
            {header('label', 'Key', false)}
            <th role="columnheader">State</th>
            <th role="columnheader">Tier</th>
            {header('used', 'Used this month', true)}
            {header('last_used', 'Last used', true)}
            {header('created', 'Made', true)}
            <th role="columnheader">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {keys.map((key) => (
            <KeyRow key={key.id} value={key} onAction={onAction} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function SortHeader(props: {
  name: string;
  order: 'ascending' | 'descending' | undefined;
  onSort: () => void;
}) {
  const Icon = { ascending: ArrowUp, descending: ArrowDown, none: ArrowUpDown }[
    props.order ?? 'none'
  ];
  return (
    <th role="columnheader" aria-sort={props.order ?? 'none'}>
      <button type="button" className={table.sort} onClick={props.onSort}>
        {props.name}
        <Icon size={14} aria-hidden />
      </button>
    </th>
  );
}

// a letter more in a search leaves most rows as they are
const KeyRow = memo(function KeyRow(props: {
  value: Key;
  onAction: (dialog: OpenKeyDialog) => void;
}) {
  const { value: key, onAction } = props;
  return (
    <tr role="row" data-gone={key.deleted_at ? true : undefined}>
      <th role="rowheader" scope="row" className={styles.name}>
        <Link to={`/keys/${key.key_id}`}>
          <bdi>{key.label}</bdi>
        </Link>
        <code>{key.key_id}</code>
      </th>
      <td role="cell" data-name="State" className={table.wide}>
        <KeyStateWords value={key} />
      </td>
      <KeyCells value={key} />
      <td role="cell" data-name="Last used">
        {key.last_used_at ? <Moment time={key.last_used_at} /> : 'Never'}
      </td>
      <td role="cell" data-name="Made" className={styles.date}>
        {date(key.created_at)}
      </td>
      <td role="cell" className={table.menu}>
        <KeyMenu value={key} onAction={onAction} />
      </td>
    </tr>
  );
});
