import { AxisBottom, AxisLeft, type TickRendererProps } from '@visx/axis';
import { GridRows } from '@visx/grid';
import { scaleBand, scaleLinear } from '@visx/scale';
import { Bar } from '@visx/shape';
import type { PointerEvent } from 'react';
import { labelStep, type Measure, type UsageBar, type UsagePeriod } from './usage-periods.ts';
import styles from './usage-plot.module.css';
import { amountWords } from './usage-words.ts';

const height = 272;
const top = 10;
// half of the last label may extend past the plot
const right = 8;
const bottom = 44;
const plotHeight = height - top - bottom;

/** A slot under the pointer, with the start and end of its bars in pixels. */
export interface PointedSlot {
  index: number;
  from: number;
  to: number;
}

/** The bars, their axes and grid. */
export function UsagePlot(props: {
  period: UsagePeriod;
  bars: UsageBar[];
  measure: Measure;
  /** Drawn as a line. */
  quota: number | undefined;
  width: number;
  label: string;
  pointed: number | undefined;
  onPoint: (slot: PointedSlot) => void;
  onLeave: () => void;
}) {
  const { period, bars, measure, quota, width, label, pointed, onPoint, onLeave } = props;
  const highest = Math.max(
    quota ?? 0,
    ...bars.flatMap(({ current = 0, before = 0 }) => [current, before]),
  );
  const y = scaleLinear<number>({ domain: [0, highest || 1], range: [plotHeight, 0], nice: 4 });
  const yTicks = highest > 0 ? y.ticks(4).filter(Number.isInteger) : [0];
  const yWords = yTicks.map((tick) => amountWords(measure, tick));
  const left = Math.max(48, 12 + 7 * Math.max(...yWords.map((words) => words.length)));

  const plotWidth = Math.max(0, width - left - right);
  const x = scaleBand<number>({
    domain: bars.map((_, index) => index),
    range: [0, plotWidth],
    paddingInner: 0.25,
    paddingOuter: 0.25,
  });
  const step = labelStep(period, plotWidth);
  const xTicks = x.domain().filter((index) => (bars[index]?.slot.ordinal ?? 1) % step === 0);

  const point = (event: PointerEvent<SVGRectElement>) => {
    const at = event.clientX - event.currentTarget.getBoundingClientRect().left;
    const index = Math.max(0, Math.min(Math.floor(at / x.step()), bars.length - 1));
    const from = left + (x(index) ?? 0);
    onPoint({ index, from, to: from + x.bandwidth() });
  };
  const bar = (index: number, value: number | undefined, which: 'current' | 'before') => {
    if (!value) return null;
    // at least one pixel, so that a small value is visible
    const barHeight = Math.max(1, plotHeight - y(value));
    const inset = which === 'current' ? x.bandwidth() * 0.22 : 0;
    return (
      <Bar
        key={index}
        className={
          styles[which === 'current' && bars[index]?.slot.isPartial ? 'partial' : which] ?? ''
        }
        x={(x(index) ?? 0) + inset}
        y={plotHeight - barHeight}
        width={x.bandwidth() - 2 * inset}
        height={barHeight}
      />
    );
  };
  return (
    <svg
      role="img"
      aria-label={label}
      width={width}
      height={height}
      className={styles.plot}
      // after a touch, the tooltip stays until a touch elsewhere
      onPointerLeave={(event) => event.pointerType === 'mouse' && onLeave()}
    >
      <g transform={`translate(${left} ${top})`}>
        <GridRows scale={y} width={plotWidth} tickValues={yTicks} className={styles.grid ?? ''} />
        {pointed !== undefined && (
          <Bar
            className={styles.pointed ?? ''}
            x={(x(pointed) ?? 0) - (x.step() - x.bandwidth()) / 2}
            width={x.step()}
            height={plotHeight}
          />
        )}
        {bars.map(({ before }, index) => bar(index, before, 'before'))}
        {bars.map(({ current }, index) => bar(index, current, 'current'))}
        {quota !== undefined && (
          <line className={styles.quota} x2={plotWidth} y1={y(quota)} y2={y(quota)} />
        )}
        <AxisLeft
          scale={y}
          tickValues={yTicks}
          tickFormat={(_, index) => yWords[index]}
          tickComponent={tick(styles.amount)}
          hideAxisLine
          hideTicks
        />
        <AxisBottom
          scale={x}
          top={plotHeight}
          tickValues={xTicks}
          tickFormat={(index) => bars[index]?.slot.label}
          tickComponent={tick(styles.time)}
          tickLength={4}
          axisLineClassName={styles.line ?? ''}
          tickClassName={styles.tick ?? ''}
        />
        <text className={styles.unit} x={plotWidth} y={plotHeight + bottom - 6}>
          {period.span.interval === 'day' ? 'Day (UTC)' : 'Hour (UTC)'}
        </text>
        <rect
          className={styles.touch}
          width={plotWidth}
          height={plotHeight + bottom}
          onPointerMove={point}
          onPointerDown={point}
        />
      </g>
    </svg>
  );
}

/** A tick as plain SVG text, styled by the style sheet. */
function tick(className: string | undefined) {
  return ({ x, y, formattedValue }: TickRendererProps) => (
    <text className={className} x={x} y={y}>
      {formattedValue}
    </text>
  );
}
