import { ArrowDown, ArrowUp, ArrowUpDown } from 'lucide-react';
import { memo, type ReactNode } from 'react';
import type { Order } from './address-filters.ts';
import styles from './table.module.css';

/** One column of a table of `Row`. */
export interface Column<Row, Sort extends string = string> {
  /** Its heading, and the value's name in a card. */
  name: string;
  cell: (row: Row) => ReactNode;
  /** `row` names the row; `action` and `select` have controls, and a heading only for screen readers. */
  kind?: 'row' | 'number' | 'select' | 'action' | 'menu';
  /** In a card, takes the full width. */
  wide?: boolean;
  className?: string | undefined;
  /** The sort order after a press on the heading. */
  sort?: { by: Sort; descendingFirst?: boolean };
  /** Replaces the heading, for example with a checkbox that selects all rows. */
  heading?: ReactNode;
  /** The cell below all rows. */
  foot?: ReactNode;
}

/** A table; on narrow screens each row is a card, unless `fixed`. */
export function Table<Row, Sort extends string = string>(props: {
  caption: string;
  /** Must be stable between renders, so that unchanged rows are not rendered again. */
  columns: Column<Row, Sort>[];
  rows: Row[];
  idOf: (row: Row) => string;
  order?: Order<Sort>;
  onOrder?: (order: Order<Sort>) => void;
  fixed?: boolean;
  className?: string | undefined;
}) {
  const { caption, columns, rows, idOf, order, onOrder, fixed = false, className = '' } = props;
  return (
    <div className={styles.frame}>
      {/* explicit roles, because a phone's layout removes the table's implicit ones */}
      <table role="table" className={`${styles.table} ${fixed ? '' : styles.cards} ${className}`}>
        <caption className="visually-hidden">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <Heading key={column.name} column={column} order={order} onOrder={onOrder} />
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <TableRow key={idOf(row)} columns={columns as Column<unknown>[]} row={row} />
          ))}
        </tbody>
        {columns.some(({ foot }) => foot) && (
          <tfoot role="rowgroup">
            <tr role="row">
              {columns.map((column) => (
                <Cell key={column.name} column={column}>
                  {column.foot}
                </Cell>
              ))}
            </tr>
          </tfoot>
        )}
      </table>
    </div>
  );
}

// a refreshed list has mostly unchanged rows
const TableRow = memo(function TableRow(props: { columns: Column<unknown>[]; row: unknown }) {
  const { columns, row } = props;
  return (
    <tr role="row">
      {columns.map((column) => (
        <Cell key={column.name} column={column}>
          {column.cell(row)}
        </Cell>
      ))}
    </tr>
  );
});

type Looks = Pick<Column<never>, 'name' | 'kind' | 'wide' | 'className'>;

function Cell({ column, children }: { column: Looks; children: ReactNode }) {
  const { name, kind, wide, className = '' } = column;
  const classes = `${(kind && styles[kind]) ?? ''} ${wide ? styles.wide : ''} ${className}`;
  if (kind === 'row') {
    return (
      <th role="rowheader" scope="row" className={classes}>
        {children}
      </th>
    );
  }
  return (
    <td role="cell" data-name={isControl(kind) ? undefined : name} className={classes}>
      {children}
    </td>
  );
}

function Heading<Sort extends string>(props: {
  column: Omit<Column<never, Sort>, 'cell'>;
  order: Order<Sort> | undefined;
  onOrder: ((order: Order<Sort>) => void) | undefined;
}) {
  const { column, order, onOrder } = props;
  const { name, kind, sort, heading } = column;
  if (!sort) {
    return (
      <th role="columnheader" scope="col" className={kind === 'number' ? styles.number : undefined}>
        {heading ?? (isControl(kind) ? <span className="visually-hidden">{name}</span> : name)}
      </th>
    );
  }
  const isSorted = order?.by === sort.by;
  const descending = isSorted ? !order.descending : (sort.descendingFirst ?? false);
  const current = isSorted ? (order.descending ? 'descending' : 'ascending') : 'none';
  const Icon = { ascending: ArrowUp, descending: ArrowDown, none: ArrowUpDown }[current];
  return (
    <th role="columnheader" scope="col" aria-sort={current}>
      <button
        type="button"
        className={styles.sort}
        onClick={() => onOrder?.({ by: sort.by, descending })}
      >
        {name}
        <Icon size={14} aria-hidden />
      </button>
    </th>
  );
}

function isControl(kind: Looks['kind']): boolean {
  return kind === 'select' || kind === 'action' || kind === 'menu';
}
