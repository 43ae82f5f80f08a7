import { useMemo, useState } from 'react';
import { Loaded } from '../components/loaded.tsx';
import { useUsageSeries } from '../data/use-usage.ts';
import { Segments } from './segments.tsx';
import { Swatch } from './swatch.tsx';
import { UsageChart } from './usage-chart.tsx';
import styles from './usage-history.module.css';
import {
  arePointsOf,
  type Measure,
  type PeriodName,
  periodNames,
  usagePeriod,
} from './usage-periods.ts';
import { measureNames } from './usage-words.ts';
import { hour, useNow } from './use-now.ts';

/** Usage over time, of one key or of all: a period and a measure to choose, and the chart. */
export function UsageHistory({ keyId }: { keyId?: string }) {
  // another key begins anew: what the last one used must not stand in for it
  return <History key={keyId ?? ''} {...(keyId ? { keyId } : {})} />;
}

function History({ keyId }: { keyId?: string }) {
  const [name, setName] = useState<PeriodName>('month');
  const [measure, setMeasure] = useState<Measure>('bytes');
  const now = useNow(hour);
  const period = useMemo(() => usagePeriod(name, now), [name, now]);
  const series = useUsageSeries(period.span, keyId);
  return (
    <section aria-label="Usage over time" className={styles.history}>
      <div className={styles.head}>
        <h2>Usage over time</h2>
        <div className={styles.choices}>
          <Segments legend="Period" options={periodNames} value={name} onChange={setName} />
          <Segments legend="Measure" options={measureNames} value={measure} onChange={setMeasure} />
        </div>
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
      </ul>
      <div className={styles.chart}>
        <Loaded query={series} what="the usage">
          {(points) => (
            <UsageChart
              period={period}
              points={arePointsOf(period, points) ? points : undefined}
              measure={measure}
            />
          )}
        </Loaded>
      </div>
    </section>
  );
}
