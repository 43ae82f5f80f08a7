import styles from './chart-tooltip.module.css';
import { Swatch } from './swatch.tsx';

const width = 208;
const gap = 8;

/** One value that a tooltip says. */
export interface TooltipEntry {
  of: 'current' | 'before';
  time: string;
  value: string;
}

/** What one slot says, beside its bars and within the chart. The table has the same for those who cannot see it. */
export function ChartTooltip(props: {
  /** The slot's bars, from and to, within a chart that is `chartWidth` wide; all in pixels. */
  from: number;
  to: number;
  chartWidth: number;
  entries: TooltipEntry[];
}) {
  const { from, to, chartWidth, entries } = props;
  const wanted = (from + to) / 2 < chartWidth / 2 ? to + gap : from - gap - width;
  const left = Math.max(0, Math.min(wanted, chartWidth - width));
  return (
    <div
      className={styles.tooltip}
      style={{ insetInlineStart: left, inlineSize: width }}
      aria-hidden
    >
      {entries.map(({ of, time, value }) => (
        <div key={of} className={styles.entry}>
          <Swatch of={of} />
          <div>
            <span className={styles.time}>{time}</span>
            {value}
          </div>
        </div>
      ))}
    </div>
  );
}
