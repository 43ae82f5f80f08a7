import { Link } from 'react-router';
import { Button } from '../components/button.tsx';
import { type Column, Table } from '../components/table.tsx';
import type { Threshold } from '../data/alert.ts';
import type { Key } from '../data/key.ts';
import { percentWords } from './percents.ts';
import styles from './thresholds.module.css';

/** The keys with thresholds of their own, one row each. */
export function ThresholdTable(props: {
  thresholds: Threshold[];
  keys: Key[];
  onEdit: (threshold: Threshold) => void;
}) {
  const { thresholds, keys, onEdit } = props;
  const labels = new Map(keys.map(({ key_id, label }) => [key_id, label]));
  const labelOf = ({ key_id }: Threshold) => labels.get(key_id ?? '');
  const columns: Column<Threshold>[] = [
    {
      name: 'Key',
      kind: 'row',
      className: styles.key,
      cell: (threshold) => (
        <>
          <Link to={`/keys/${threshold.key_id}`}>
            <bdi>{labelOf(threshold) ?? threshold.key_id}</bdi>
          </Link>
          {labelOf(threshold) && <code>{threshold.key_id}</code>}
        </>
      ),
    },
    { name: 'Alerted', cell: ({ percents }) => percentWords(percents) },
    {
      name: 'Actions',
      kind: 'action',
      cell: (threshold) => (
        <Button
          aria-label={`Edit the thresholds of ${labelOf(threshold) ?? threshold.key_id}`}
          onClick={() => onEdit(threshold)}
        >
          Edit
        </Button>
      ),
    },
  ];
  return (
    <Table
      caption="Keys with their own thresholds"
      columns={columns}
      rows={thresholds}
      idOf={({ key_id }) => key_id ?? ''}
    />
  );
}
