import { QuotaMeter } from '../components/quota-meter.tsx';
import table from '../components/table.module.css';
import { number } from '../format/amount.ts';
import styles from './tier-table.module.css';
import type { TierTotal } from './tiers.ts';

/** The active keys by tier. */
export function TierTable({ tiers }: { tiers: TierTotal[] }) {
  if (tiers.length === 0) return null;
  return (
    <section aria-labelledby="tiers" className={styles.tiers}>
      <h2 id="tiers">Active keys by tier</h2>
      <div className={table.frame}>
        <table className={table.table} aria-labelledby="tiers">
          <thead>
            <tr>
              <th scope="col">Tier</th>
              <th scope="col" className={table.number}>
                Keys
              </th>
              <th scope="col" className={styles.quota}>
                Used this month
              </th>
            </tr>
          </thead>
          <tbody>
            {tiers.map(({ tier, keys, used, limit }) => (
              <tr key={tier}>
                <th scope="row">{tier}</th>
                <td className={table.number}>{number(keys)}</td>
                <td>
                  <QuotaMeter used={used} limit={limit} name={`Used this month, tier ${tier}`} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
