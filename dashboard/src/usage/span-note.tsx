import type { UsageSpan } from '../data/use-usage.ts';
import { date } from '../format/time.ts';
import styles from './burn-table.module.css';
import { boundsWords } from './span.ts';

/** Notes where the figures differ from the chosen span: whole days, or the end of the retention period. */
export function SpanNote(props: {
  asked: UsageSpan;
  answer: { from: string; to: string; kept_from: string };
}) {
  const { asked, answer } = props;
  const from = new Date(answer.from);
  const to = new Date(answer.to);
  const kept = new Date(answer.kept_from);
  const wider = from < asked.from || to > asked.to;
  if (!wider && kept <= from) return null;
  return (
    <p className={styles.note}>
      {wider && `Targets are counted by whole days: ${boundsWords({ from, to })} (UTC). `}
      {kept > from && `Data before ${date(kept)} is no longer kept.`}
    </p>
  );
}
