import { useEffect, useMemo, useRef, useState } from 'react';
import { Loading } from '../components/loading.tsx';
import type { UsagePoint } from '../data/key.ts';
import { ChartTooltip, type TooltipEntry } from './chart-tooltip.tsx';
import styles from './usage-chart.module.css';
import { type Measure, type UsagePeriod, usageBars } from './usage-periods.ts';
import { type PointedSlot, UsagePlot } from './usage-plot.tsx';
import { UsageTable } from './usage-table.tsx';
import { amountWords, chartWords, missingWords, soFarWords, timeWords } from './usage-words.ts';
import { useWidth } from './use-width.ts';

/** Usage over a period beside the previous one: bars, and the same numbers as a table. */
export default function UsageChart(props: {
  period: UsagePeriod;
  /** Undefined while loading: only the axes are shown then. */
  points: UsagePoint[] | undefined;
  measure: Measure;
  quota: number | undefined;
}) {
  const { period, points, measure, quota } = props;
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const [pointed, setPointed] = useState<PointedSlot>();
  useEffect(() => {
    if (!pointed) return;
    const leave = (event: Event) => {
      const within = event.target instanceof Node && frame.current?.contains(event.target);
      if (event instanceof KeyboardEvent ? event.key === 'Escape' : !within) setPointed(undefined);
    };
    document.addEventListener('pointerdown', leave);
    document.addEventListener('keydown', leave);
    return () => {
      document.removeEventListener('pointerdown', leave);
      document.removeEventListener('keydown', leave);
    };
  }, [pointed]);

  const bars = useMemo(() => usageBars(period, points ?? [], measure), [period, points, measure]);
  const used = bars.some(({ current, before }) => current || before);
  const bar = pointed && points && bars[pointed.index];
  const entry = (of: 'current' | 'before'): TooltipEntry[] => {
    const time = bar?.slot[of];
    if (!bar || !time) return [];
    const value = bar[of];
    const isPartial = of === 'current' && bar.slot.isPartial;
    const words =
      value === undefined ? missingWords(time) : soFarWords(amountWords(measure, value), isPartial);
    return [{ of, time: timeWords(period, time), value: words }];
  };
  return (
    <div className={styles.chart}>
      <div ref={frame} className={styles.frame}>
        {width > 0 && (
          <UsagePlot
            period={period}
            bars={bars}
            measure={measure}
            quota={quota}
            width={width}
            label={points ? chartWords(period, bars, measure, quota) : 'Loading the usage'}
            pointed={bar && pointed.index}
            onPoint={setPointed}
            onLeave={() => setPointed(undefined)}
          />
        )}
        {!points && (
          <div className={styles.nothing}>
            <Loading what="Loading the usage" />
          </div>
        )}
        {points && !used && <p className={styles.nothing}>No usage in this time</p>}
        {bar && (
          <ChartTooltip
            from={pointed.from}
            to={pointed.to}
            chartWidth={width}
            entries={[...entry('current'), ...entry('before')]}
          />
        )}
      </div>
      <UsageTable period={period} bars={bars} measure={measure} loading={!points} />
    </div>
  );
}
