import { ago, dateTime } from '../format/time.ts';
import { minute, useNow } from '../usage-chart/use-now.ts';

/** A time relative to now, with the exact time as a tooltip. */
export function Moment({ time }: { time: string }) {
  return (
    <time dateTime={time} title={dateTime(time)}>
      {ago(time, useNow(minute))}
    </time>
  );
}
