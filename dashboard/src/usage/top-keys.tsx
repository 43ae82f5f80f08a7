import { Link } from 'react-router';
import { writeFilters } from '../components/address-filters.ts';
import { Badge } from '../components/badge.tsx';
import { Loaded } from '../components/loaded.tsx';
import { type Column, Table } from '../components/table.tsx';
import { WhenNear } from '../components/when-near.tsx';
import type { KeyUsage } from '../data/burns.ts';
import { type TopKeys as MostUsedKeys, useTopKeys } from '../data/use-burns.ts';
import { month, period } from '../format/time.ts';
import { Section } from '../key/section.tsx';
import { keyFilters } from '../keys/key-filters.ts';
import { hour, useNow } from '../usage-chart/use-now.ts';
import { numberColumn, trafficColumn } from './burn-columns.tsx';
import styles from './burn-table.module.css';
import { boundsOf, type Span, withSpan } from './span.ts';

const most = 5;
const mostUsed = `/keys?${writeFilters(keyFilters, { state: '', sort: { by: 'used', descending: true } })}`;

/** The keys with the most traffic in the month in which the span ends: usage by key is kept per month. */
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
  const usage = useTopKeys(of, most);
  return (
    <Loaded query={usage} what="the usage by key">
      {(value) => <KeyTable value={value} span={span} />}
    </Loaded>
  );
}

function KeyTable({ value: { keys, totalBytes }, span }: { value: MostUsedKeys; span: Span }) {
  if (keys.length === 0) return <p className={styles.note}>No keys were used in this month.</p>;
  const columns: Column<KeyUsage>[] = [
    {
      name: 'Key',
      kind: 'row',
      className: styles.name,
      cell: ({ key_id, label, active }) => (
        <>
          <Link to={withSpan(`/keys/${key_id}`, span)}>
            <bdi>{label}</bdi>
          </Link>{' '}
          {!active && <Badge kind="neutral">Not active</Badge>}
        </>
      ),
    },
    { name: 'Tier', cell: ({ tier, live_mode }) => (live_mode ? tier : `${tier}, test`) },
    trafficColumn((key) => key, totalBytes),
    numberColumn('Requests', ({ requests }) => requests),
  ];
  return (
    <Table
      caption="The keys with the most traffic"
      columns={columns}
      rows={keys}
      idOf={({ id }) => id}
      className={styles.burns}
    />
  );
}
