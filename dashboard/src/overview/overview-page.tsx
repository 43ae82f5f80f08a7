import { Loaded } from '../components/loaded.tsx';
import { Loading } from '../components/loading.tsx';
import { useAccount } from '../data/use-burns.ts';
import { useKeyAttention } from '../data/use-keys.ts';
import { Page } from '../layout/page.tsx';
import { AccountSection } from '../usage/account-section.tsx';
import { OutcomesSection } from '../usage/outcomes-section.tsx';
import { SpanBar } from '../usage/span-bar.tsx';
import { TargetsSection } from '../usage/targets-section.tsx';
import { TopKeys } from '../usage/top-keys.tsx';
import { useSpan } from '../usage/use-span.ts';
import { UsageHistory } from '../usage-chart/usage-history.tsx';
import { minute, useNow } from '../usage-chart/use-now.ts';
import { AttentionList } from './attention-list.tsx';
import { Figures } from './figures.tsx';
import { Welcome } from './welcome.tsx';

/** This month at a glance, and what uses it up. Each part loads, and fails, independently. */
export function OverviewPage() {
  const keys = useKeyAttention();
  // starts this request now instead of after the keys are known
  useAccount();
  return (
    <Page title="Overview">
      {keys.isPending && keys.fetchStatus !== 'paused' ? (
        <Loading what="Loading your overview" />
      ) : keys.data?.has_keys === false ? (
        <Welcome />
      ) : (
        <Overview />
      )}
    </Page>
  );
}

function Overview() {
  const keys = useKeyAttention();
  const now = useNow(minute);
  const [span, setSpan] = useSpan();
  return (
    <>
      <Figures keys={keys.data} />
      <Loaded query={keys} what="your keys">
        {(value) => <AttentionList value={value} now={now} />}
      </Loaded>
      <AccountSection />
      <SpanBar span={span} onChange={setSpan} />
      <UsageHistory span={span} />
      <TopKeys span={span} />
      <TargetsSection span={span} />
      <OutcomesSection span={span} />
    </>
  );
}
