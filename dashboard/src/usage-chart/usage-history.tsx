import { lazy, Suspense, useMemo, useState } from 'react';
import { Loaded } from '../components/loaded.tsx';
import { Loading } from '../components/loading.tsx';
import { useUsageSeries } from '../data/use-usage.ts';
import { bytes } from '../format/amount.ts';
import type { Span } from '../usage/span.ts';
import { Segments } from './segments.tsx';
import { Swatch } from './swatch.tsx';
import styles from './usage-history.module.css';
import { arePointsOf, type Measure, usagePeriod } from './usage-periods.ts';
import { measureNames } from './usage-words.ts';
import { hour, useNow } from './use-now.ts';

// the chart library is large, and the figures above come first
const UsageChart = lazy(() => import('./usage-chart.tsx'));

/** A key and its monthly quota in bytes. */
export interface KeyWithQuota {
  id: string;
  quota: number;
}

/** Usage of one key or all keys over a span, beside the previous one: a choice of measures, and the chart. */
export function UsageHistory(props: { span: Span; of?: KeyWithQuota }) {
  // another key starts fresh, so that it never shows the last key's usage
  return <History key={props.of?.id ?? ''} {...props} />;
}

function History({ span, of }: { span: Span; of?: KeyWithQuota }) {
  const [measure, setMeasure] = useState<Measure>(of ? 'total' : 'bytes');
  const now = useNow(hour);
  const period = useMemo(() => usagePeriod(span, now), [span, now]);
  const series = useUsageSeries(period.span, of?.id);
  // the quota applies to a calendar month, so other spans do not show it
  const quota = span === 'month' && measure === 'total' ? of?.quota : undefined;
  return (
    <section aria-label="Usage over time" className={styles.history}>
      <div className={styles.head}>
        <h2>Usage over time</h2>
        <Segments legend="Measure" options={measureNames} value={measure} onChange={setMeasure} />
      </div>
      <ul className={styles.legend}>
        <li>
          <Swatch of="current" />
          {period.current}
        </li>
        <li>
          <Swatch of="before" />
          {period.before}
        </li>
        {quota !== undefined && (
          <li>
            <Swatch of="quota" />
            Quota of the key: {bytes(quota)} per month
          </li>
        )}
      </ul>
      <div className={styles.chart}>
        <Loaded query={series} what="the usage">
          {(points) => (
            <Suspense fallback={<Loading what="Loading the chart" />}>
              <UsageChart
                period={period}
                points={arePointsOf(period, points) ? points : undefined}
                measure={measure}
                quota={quota}
              />
            </Suspense>
          )}
        </Loaded>
      </div>
    </section>
  );
}
