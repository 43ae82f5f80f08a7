import type { UseQueryResult } from '@tanstack/react-query';
import { useMemo } from 'react';
import { Loaded } from '../components/loaded.tsx';
import type { Key, UsageSummary } from '../data/key.ts';
import { useKeys } from '../data/use-keys.ts';
import { useUsageSummary } from '../data/use-usage.ts';
import { month, period, startOfMonth } from '../format/time.ts';
import { Page } from '../layout/page.tsx';
import { UsageHistory } from '../usage-chart/usage-history.tsx';
import { hour, minute, useNow } from '../usage-chart/use-now.ts';
import { needsAttention } from './attention.ts';
import { AttentionList } from './attention-list.tsx';
import { Figures } from './figures.tsx';
import { TierTable } from './tier-table.tsx';
import { totalsByTier } from './tiers.ts';
import { Welcome } from './welcome.tsx';

/** This month at a glance, beside the last one. */
export function OverviewPage() {
  const now = useNow(hour);
  const months = { thisMonth: startOfMonth(now), lastMonth: startOfMonth(now, -1) };
  const keys = useKeys();
  const thisMonth = useUsageSummary(period(months.thisMonth), { ended: false });
  const lastMonth = useUsageSummary(period(months.lastMonth), { ended: true });
  return (
    <Page title="Overview">
      <Loaded query={decisive([keys, thisMonth, lastMonth])} what="your overview">
        {() =>
          keys.data &&
          thisMonth.data &&
          lastMonth.data && (
            <Overview
              keys={keys.data.keys}
              thisMonth={thisMonth.data}
              lastMonth={lastMonth.data}
              names={{ thisMonth: month(months.thisMonth), lastMonth: month(months.lastMonth) }}
            />
          )
        }
      </Loaded>
    </Page>
  );
}

function Overview(props: {
  keys: Key[];
  thisMonth: UsageSummary;
  lastMonth: UsageSummary;
  names: { thisMonth: string; lastMonth: string };
}) {
  const { keys } = props;
  const now = useNow(minute);
  const found = useMemo(() => needsAttention(keys, now), [keys, now]);
  const tiers = useMemo(() => totalsByTier(keys), [keys]);
  if (keys.length === 0) return <Welcome />;
  return (
    <>
      <Figures {...props} />
      <AttentionList found={found} now={now} />
      <UsageHistory />
      <TierTable tiers={tiers} />
    </>
  );
}

/** The one of some queries whose state is that of all, so that the same error is not said three times. */
function decisive(queries: [UseQueryResult, ...UseQueryResult[]]): UseQueryResult {
  return (
    queries.find((query) => query.isError && query.data === undefined) ??
    queries.find((query) => query.data === undefined) ??
    queries.find((query) => query.isError) ??
    queries[0]
  );
}
