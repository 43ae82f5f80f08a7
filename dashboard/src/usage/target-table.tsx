import { type Column, Table } from '../components/table.tsx';
import type { Target, TargetFigures, TargetUsage } from '../data/burns.ts';
import { moved, numberColumn, trafficColumn } from './burn-columns.tsx';
import styles from './burn-table.module.css';

/** A target, or the sum of other targets. */
interface TargetRow {
  name: Target | string;
  figures: TargetFigures;
}

/** The traffic to targets, one row each, then the sums of all others. */
export function TargetTable({ value, caption }: { value: TargetUsage; caption: string }) {
  const columns: Column<TargetRow>[] = [
    {
      name: 'Target',
      kind: 'row',
      className: styles.name,
      cell: ({ name }) =>
        typeof name === 'object' ? (
          <TargetName value={name} />
        ) : (
          <span className={styles.soft}>{name}</span>
        ),
    },
    trafficColumn(({ figures }) => figures, moved(value.totals)),
    numberColumn('Requests', ({ figures }) => figures.requests),
    numberColumn('Failed', ({ figures }) => figures.errors),
  ];
  const others: TargetRow[] = [
    { name: 'All other targets', figures: value.unlisted },
    {
      name: 'Not counted by target (more than 1,000 targets in a day)',
      figures: value.other,
    },
  ];
  return (
    <Table
      caption={caption}
      columns={columns}
      rows={[
        ...value.targets.map((target) => ({ name: target, figures: target })),
        ...others.filter(({ figures }) => figures.requests > 0 || moved(figures) > 0),
      ]}
      idOf={({ name }) => (typeof name === 'object' ? `${name.host} ${name.site}` : name)}
      className={styles.burns}
    />
  );
}

function TargetName({ value: { host, site } }: { value: Target }) {
  if (host) return <bdi>{host}</bdi>;
  return (
    <>
      <bdi>{site}</bdi> <span className={styles.soft}>(hosts of this site)</span>
    </>
  );
}
