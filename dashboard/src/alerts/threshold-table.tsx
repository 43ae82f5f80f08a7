import { Link } from 'react-router';
import { Button } from '../components/button.tsx';
import table from '../components/table.module.css';
import type { Threshold } from '../data/alert.ts';
import type { Key } from '../data/key.ts';
import { percentWords } from './percents.ts';
import styles from './thresholds.module.css';

/** The keys with thresholds of their own, one row each; on a phone one card each. */
export function ThresholdTable(props: {
  thresholds: Threshold[];
  keys: Key[];
  onEdit: (threshold: Threshold) => void;
}) {
  const { thresholds, keys, onEdit } = props;
  const labels = new Map(keys.map(({ key_id, label }) => [key_id, label]));
  return (
    <div className={table.frame}>
      <table role="table" className={`${table.table} ${table.cards}`}>
        <caption className="visually-hidden">Keys with their own thresholds</caption>
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader">Key</th>
            <th role="columnheader">Alerted</th>
            <th role="columnheader">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {thresholds.map((threshold) => {
            const keyId = threshold.key_id ?? '';
            const label = labels.get(keyId);
            return (
              <tr key={keyId} role="row">
                <th role="rowheader" scope="row" className={styles.key}>
                  <Link to={`/keys/${keyId}`}>
                    <bdi>{label ?? keyId}</bdi>
                  </Link>
                  {label && <code>{keyId}</code>}
                </th>
                <td role="cell" data-name="Alerted">
                  {percentWords(threshold.percents)}
                </td>
                <td role="cell" className={styles.actions}>
                  <Button
                    aria-label={`Edit the thresholds of ${label ?? keyId}`}
                    onClick={() => onEdit(threshold)}
                  >
                    Edit
                  </Button>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
