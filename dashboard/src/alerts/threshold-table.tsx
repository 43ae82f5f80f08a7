import { Link } from 'react-router';
import { Button } from '../components/button.tsx';
import { type Column, Table } from '../components/table.tsx';
import type { Threshold } from '../data/alert.ts';
import { percentWords } from './percents.ts';
import styles from './thresholds.module.css';

/** The keys with their own thresholds, one row each. */
export function ThresholdTable(props: {
  thresholds: Threshold[];
  onEdit: (threshold: Threshold) => void;
}) {
  const { thresholds, onEdit } = props;
  const columns: Column<Threshold>[] = [
    {
      name: 'Key',
      kind: 'row',
      className: styles.key,
      cell: ({ key_id, label }) => (
        <>
          <Link to={`/keys/${key_id}`}>
            <bdi>{label}</bdi>
          </Link>
          <code>{key_id}</code>
        </>
      ),
    },
    { name: 'Alert', cell: ({ percents }) => percentWords(percents) },
    {
      name: 'Actions',
      kind: 'action',
      cell: (threshold) => (
        <Button
          aria-label={`Edit thresholds of ${threshold.label}`}
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
