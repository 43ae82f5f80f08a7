import styles from './chart-tooltip.module.css';
import { Swatch } from './swatch.tsx';

const width = 208;
const gap = 8;

/** One value in a tooltip. */
export interface TooltipEntry {
  of: 'current' | 'before';
  time: string;
  value: string;
}

/**
 * The values of one slot, beside its bars and inside the chart. The table has the same values for
 * screen readers.
 */
export function ChartTooltip(props: {
  /** The start and end of the slot's bars, and the chart's width, in pixels. */
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
