import { Button } from '../components/button.tsx';
import table from '../components/table.module.css';
import type { TierGrant } from '../data/key.ts';
import { date } from '../format/time.ts';
import { useSession } from '../session/session-context.ts';
import styles from './admin-table.module.css';

/** Some grants, a row each; on a phone a card each. */
export function GrantTable(props: { grants: TierGrant[]; onTakeBack: (grant: TierGrant) => void }) {
  const { grants, onTakeBack } = props;
  return (
    <div className={table.frame}>
      {/* the roles hold where a phone's layout takes a table's own away */}
      <table role="table" className={`${table.table} ${table.cards}`}>
        <caption className="visually-hidden">Granted tiers</caption>
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader">User</th>
            <th role="columnheader">Tier</th>
            <th role="columnheader">Granted (UTC)</th>
            <th role="columnheader">By</th>
            <th role="columnheader">Reason</th>
            <th role="columnheader">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {grants.map((grant) => (
            <GrantRow key={grant.id} value={grant} onTakeBack={onTakeBack} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function GrantRow(props: { value: TierGrant; onTakeBack: (grant: TierGrant) => void }) {
  const { value: grant, onTakeBack } = props;
  return (
    <tr role="row">
      <th role="rowheader" scope="row" className={styles.person}>
        {grant.email && <bdi>{grant.email}</bdi>}
        <code>{grant.user_id}</code>
      </th>
      <td role="cell" data-name="Tier">
        {grant.tier}
      </td>
      <td role="cell" data-name="Granted (UTC)" className={styles.short}>
        {date(grant.granted_at)}
      </td>
      <td role="cell" data-name="By" className={`${table.wide} ${styles.words}`}>
        <Granter id={grant.granted_by} />
      </td>
      <td
        role="cell"
        data-name="Reason"
        className={`${table.wide} ${styles.words} ${styles.reason}`}
      >
        {grant.reason ? <bdi>{grant.reason}</bdi> : 'None given'}
      </td>
      <td role="cell" className={styles.actions}>
        <Button
          aria-label={`Take back ${grant.tier} from ${grant.email ?? grant.user_id}`}
          onClick={() => onTakeBack(grant)}
        >
          Take back
        </Button>
      </td>
    </tr>
  );
}

function Granter({ id }: { id: string | null }) {
  const { userId } = useSession();
  if (id === null) return 'Made in the database';
  return id === userId ? 'You' : <code>{id}</code>;
}
