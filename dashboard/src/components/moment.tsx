import { ago, dateTime } from '../format/time.ts';
import { minute, useNow } from '../usage-chart/use-now.ts';

/** When something happened, as people say it, with the exact one behind it. */
export function Moment({ time }: { time: string }) {
  return (
    <time dateTime={time} title={dateTime(time)}>
      {ago(time, useNow(minute))}
    </time>
  );
}
