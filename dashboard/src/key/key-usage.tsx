import type { Key } from '../data/key.ts';
import { OutcomesSection } from '../usage/outcomes-section.tsx';
import { SpanBar } from '../usage/span-bar.tsx';
import { TargetsSection } from '../usage/targets-section.tsx';
import { useSpan } from '../usage/use-span.ts';
import { UsageHistory } from '../usage-chart/usage-history.tsx';

/** The key's usage in a chosen time span: over time, by target, by outcome. */
export function KeyUsage({ value: key }: { value: Key }) {
  const [span, setSpan] = useSpan();
  return (
    <>
      <SpanBar span={span} onChange={setSpan} />
      <UsageHistory span={span} of={{ id: key.id, quota: key.bandwidth_limit_bytes }} />
      <TargetsSection span={span} keyId={key.key_id} />
      <OutcomesSection span={span} keyId={key.key_id} />
    </>
  );
}
