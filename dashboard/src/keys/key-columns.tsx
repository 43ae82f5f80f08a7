import { Badge } from '../components/badge.tsx';
import { Moment } from '../components/moment.tsx';
import { QuotaMeter } from '../components/quota-meter.tsx';
import type { Key } from '../data/key.ts';
import { KeyStateWords } from './key-state-words.tsx';

// Columns that are the same for owners and admins.

export const stateColumn = {
  name: 'State',
  wide: true,
  cell: (key: Key) => <KeyStateWords value={key} />,
};

export const tierColumn = {
  name: 'Tier',
  cell: ({ tier, live_mode }: Key) => (
    <>
      {tier}
      {!live_mode && (
        <>
          {' '}
          <Badge kind="neutral">test</Badge>
        </>
      )}
    </>
  ),
};

export const usedColumn = {
  name: 'Used this month',
  cell: (key: Key) => (
    <QuotaMeter
      used={key.bandwidth_used_this_period_bytes}
      limit={key.bandwidth_limit_bytes}
      name={`Used this month by ${key.label}`}
    />
  ),
};

export const lastUsedColumn = {
  name: 'Last used',
  cell: ({ last_used_at }: Key) => (last_used_at ? <Moment time={last_used_at} /> : 'Never'),
};
