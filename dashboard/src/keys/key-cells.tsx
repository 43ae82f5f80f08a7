import { Badge } from '../components/badge.tsx';
import { QuotaMeter } from '../components/quota-meter.tsx';
import type { Key } from '../data/key.ts';

/** What a key is and how much of its month is used: two cells of a row, the same for owners and admins. */
export function KeyCells({ value: key }: { value: Key }) {
  return (
    <>
      <td role="cell" data-name="Tier">
        {key.tier}
        {!key.live_mode && (
          <>
            {' '}
            <Badge kind="neutral">test</Badge>
          </>
        )}
      </td>
      <td role="cell" data-name="Used this month">
        <QuotaMeter
          used={key.bandwidth_used_this_period_bytes}
          limit={key.bandwidth_limit_bytes}
          name={`Used this month by ${key.label}`}
        />
      </td>
    </>
  );
}
