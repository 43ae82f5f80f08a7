import { useMemo } from 'react';
import { Button } from '../components/button.tsx';
import { type Column, Table } from '../components/table.tsx';
import type { TierGrant } from '../data/key.ts';
import { date } from '../format/time.ts';
import { useSession } from '../session/session-context.ts';
import styles from './admin-table.module.css';

type OnTakeBack = (grant: TierGrant) => void;

/** Grants, one row each. */
export function GrantTable(props: { grants: TierGrant[]; onTakeBack: OnTakeBack }) {
  const { grants, onTakeBack } = props;
  const columns = useMemo(() => columnsOf(onTakeBack), [onTakeBack]);
  return <Table caption="Granted tiers" columns={columns} rows={grants} idOf={({ id }) => id} />;
}

const columnsOf = (onTakeBack: OnTakeBack): Column<TierGrant>[] => [
  {
    name: 'User',
    kind: 'row',
    className: styles.person,
    cell: ({ email, user_id }) => (
      <>
        {email && <bdi>{email}</bdi>}
        <code>{user_id}</code>
      </>
    ),
  },
  { name: 'Tier', cell: ({ tier }) => tier },
  {
    name: 'Granted (UTC)',
    className: styles.short,
    cell: ({ granted_at }) => date(granted_at),
  },
  {
    name: 'Granted by',
    wide: true,
    className: styles.words,
    cell: ({ granted_by }) => <Granter id={granted_by} />,
  },
  {
    name: 'Reason',
    wide: true,
    className: `${styles.words} ${styles.reason}`,
    cell: ({ reason }) => (reason ? <bdi>{reason}</bdi> : 'None given'),
  },
  {
    name: 'Actions',
    kind: 'action',
    cell: (grant) => (
      <Button
        aria-label={`Revoke ${grant.tier} from ${grant.email ?? grant.user_id}`}
        onClick={() => onTakeBack(grant)}
      >
        Revoke
      </Button>
    ),
  },
];

function Granter({ id }: { id: string | null }) {
  const { userId } = useSession();
  if (id === null) return 'Created in the database';
  return id === userId ? 'You' : <code>{id}</code>;
}
