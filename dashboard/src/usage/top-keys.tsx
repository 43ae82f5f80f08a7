import { Link } from 'react-router';
import { Badge } from '../components/badge.tsx';
import { Loaded } from '../components/loaded.tsx';
import table from '../components/table.module.css';
import { WhenNear } from '../components/when-near.tsx';
import type { KeyUsage } from '../data/burns.ts';
import { type UsageByKey, useUsageByKey } from '../data/use-burns.ts';
import { number } from '../format/amount.ts';
import { month, period } from '../format/time.ts';
import { Section } from '../key/section.tsx';
import { firstFilters, writeFilters } from '../keys/key-filters.ts';
import { hour, useNow } from '../usage-chart/use-now.ts';
import { NumberCell, NumberHeader, TrafficCell } from './amount-cells.tsx';
import styles from './burn-table.module.css';
import { boundsOf, type Span, withSpan } from './span.ts';

const most = 5;
const mostUsed = `/keys?${writeFilters({ ...firstFilters, state: '', sort: 'used', descending: true })}`;

/** The keys that used the most in the month in which the span ends: usage by key is kept by month. */
export function TopKeys({ span }: { span: Span }) {
  const { to } = boundsOf(span, useNow(hour));
  const last = new Date(to.getTime() - 1);
  return (
    <Section
      title={`Top keys of ${month(last)}`}
      actions={
        <span className={styles.links}>
          <Link to={mostUsed}>All keys, most used first</Link>
        </span>
      }
    >
      <WhenNear>
        <MostUsed of={period(last)} span={span} />
      </WhenNear>
    </Section>
  );
}

function MostUsed({ of, span }: { of: string; span: Span }) {
  const usage = useUsageByKey(of);
  return (
    <Loaded query={usage} what="the usage by key">
      {(value) => <KeyTable value={value} span={span} />}
    </Loaded>
  );
}

function KeyTable({ value: { keys, hasMore }, span }: { value: UsageByKey; span: Span }) {
  const all = keys.reduce((sum, key) => sum + moved(key), 0);
  const top = keys
    .filter((key) => key.requests > 0 || moved(key) > 0)
    .sort((a, b) => moved(b) - moved(a))
    .slice(0, most);
  if (top.length === 0) return <p className={styles.note}>No key was used in this month.</p>;
  return (
    <>
      <div className={table.frame}>
        <table role="table" className={`${table.table} ${table.cards} ${styles.burns}`}>
          <caption className="visually-hidden">The keys with the most traffic</caption>
          <thead role="rowgroup">
            <tr role="row">
              <th role="columnheader">Key</th>
              <th role="columnheader">Tier</th>
              <NumberHeader name="Traffic" />
              <NumberHeader name="Requests" />
            </tr>
          </thead>
          <tbody role="rowgroup">
            {top.map((key) => (
              <tr key={key.id} role="row">
                <th role="rowheader" scope="row" className={styles.name}>
                  <Link to={withSpan(`/keys/${key.key_id}`, span)}>
                    <bdi>{key.label}</bdi>
                  </Link>{' '}
                  {!key.active && <Badge kind="neutral">Not active</Badge>}
                </th>
                <td role="cell" data-name="Tier">
                  {key.tier}
                  {!key.live_mode && ', test'}
                </td>
                <TrafficCell value={moved(key)} of={all} />
                <NumberCell name="Requests" value={key.requests} />
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {hasMore && <p className={styles.note}>Of your newest {number(keys.length)} keys.</p>}
    </>
  );
}

function moved({ bytes_sent, bytes_received }: KeyUsage): number {
  return bytes_sent + bytes_received;
}
