import { Link } from 'react-router';
import { firstOf, text, useAddressFilters } from '../components/address-filters.ts';
import { Button } from '../components/button.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { QuotaMeter } from '../components/quota-meter.tsx';
import table from '../components/table.module.css';
import { type Column, Table } from '../components/table.tsx';
import type { AccountTier } from '../data/burns.ts';
import { type UserUsage, useUsers } from '../data/use-users.ts';
import { bytes, counted, number } from '../format/amount.ts';
import { Page } from '../layout/page.tsx';
import { AdminNav } from './admin-nav.tsx';
import styles from './admin-table.module.css';
import { Barred, keysOf } from './owner-section.tsx';
import { Paged } from './paged.tsx';
import { SearchForm } from './search-form.tsx';
import { UserField } from './user-field.tsx';

const userFilters = { user: text };

const columns: Column<UserUsage>[] = [
  {
    name: 'User',
    kind: 'row',
    className: styles.user,
    cell: (user) => (
      <>
        <Link to={keysOf(user.user_id)}>
          <bdi>{user.email ?? user.user_id}</bdi>
        </Link>{' '}
        <Barred value={user} />
      </>
    ),
  },
  {
    name: 'Used this month',
    kind: 'number',
    cell: ({ used_bytes }) => bytes(used_bytes),
  },
  {
    name: 'Keys',
    kind: 'number',
    cell: ({ tiers }) => number(tiers.reduce((sum, { keys }) => sum + keys, 0)),
  },
  {
    name: 'Quotas',
    wide: true,
    cell: ({ tiers }) => {
      const used = tiers.flatMap(quotasOf);
      if (used.length === 0) return 'No usage';
      return (
        <div className={styles.quotas}>
          {used.map(({ name, used_bytes, limit_bytes }) => (
            <div key={name}>
              <span className={table.small}>{name}</span>
              <QuotaMeter used={used_bytes} limit={limit_bytes} name={name} />
            </div>
          ))}
        </div>
      );
    },
  },
];

/** The quotas of a tier that have usage. */
function quotasOf(tier: AccountTier) {
  return [
    { name: tier.tier, ...tier },
    { name: `${tier.tier}, test keys`, ...tier.test },
  ].filter(({ used_bytes }) => used_bytes > 0);
}

/** The users by the traffic of their keys this month. */
export default function UsersPage() {
  const [filters, search] = useAddressFilters(userFilters, { push: true });
  const users = useUsers(filters.user);
  return (
    <Page title="Users by usage" above={<AdminNav />}>
      <SearchForm
        filters={filters}
        what="Find a user"
        onSearch={(sought) => search(sought) || void users.refetch()}
      >
        {(bind) => <UserField bound={bind('user')} />}
      </SearchForm>
      <Paged
        query={users}
        what="the users"
        count={(found) => counted(found.length, 'user')}
        none={
          filters.user ? (
            <EmptyState title="No users match this search">
              <p>Enter a complete, confirmed e-mail address or a user ID.</p>
              <Button onClick={() => search(firstOf(userFilters))}>Show all users</Button>
            </EmptyState>
          ) : (
            <EmptyState title="No usage this month">
              <p>A user appears here within a minute of a key’s first traffic.</p>
            </EmptyState>
          )
        }
      >
        {(found) => (
          <Table
            caption="Users by usage"
            columns={columns}
            rows={found}
            idOf={({ user_id }) => user_id}
          />
        )}
      </Paged>
    </Page>
  );
}
