import { Moment } from '../components/moment.tsx';
import table from '../components/table.module.css';
import type { FoundKey } from '../data/key.ts';
import { number } from '../format/amount.ts';
import { KeyCells } from '../keys/key-cells.tsx';
import { KeyStateWords } from '../keys/key-state-words.tsx';
import styles from './admin-table.module.css';
import type { OpenFoundKeyDialog } from './found-key-dialog.tsx';
import { FoundKeyMenu } from './found-key-menu.tsx';
import { ownerOf } from './found-key-name.tsx';

type OnAction = (dialog: OpenFoundKeyDialog) => void;

/** Some keys of any users, a row each; on a phone a card each. */
export function FoundKeyTable({ keys, onAction }: { keys: FoundKey[]; onAction: OnAction }) {
  return (
    <div className={table.frame}>
      {/* the roles hold where a phone's layout takes a table's own away */}
      <table role="table" className={`${table.table} ${table.cards}`}>
        <caption className="visually-hidden">Keys of all users</caption>
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader">Key</th>
            <th role="columnheader">Owner</th>
            <th role="columnheader">State</th>
            <th role="columnheader">Tier</th>
            <th role="columnheader">Used this month</th>
            <th role="columnheader">Rate</th>
            <th role="columnheader">Last used</th>
            <th role="columnheader">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {keys.map((key) => (
            <FoundKeyRow key={key.id} value={key} onAction={onAction} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function FoundKeyRow({ value: key, onAction }: { value: FoundKey; onAction: OnAction }) {
  return (
    <tr role="row">
      <th role="rowheader" scope="row" className={styles.name}>
        <bdi>{key.label}</bdi>
        <code>{key.key_id}</code>
      </th>
      <td role="cell" data-name="Owner" className={`${table.wide} ${styles.person}`}>
        <bdi>{ownerOf(key)}</bdi>
      </td>
      <td role="cell" data-name="State" className={`${table.wide} ${styles.words}`}>
        <KeyStateWords value={key} />
      </td>
      <KeyCells value={key} />
      <td role="cell" data-name="Rate" className={styles.short}>
        {number(key.rate_limit)} a second
      </td>
      <td role="cell" data-name="Last used" className={styles.short}>
        {key.last_used_at ? <Moment time={key.last_used_at} /> : 'Never'}
      </td>
      <td role="cell" className={table.menu}>
        <FoundKeyMenu value={key} onAction={onAction} />
      </td>
    </tr>
  );
}
