import { type FormEvent, useRef, useState } from 'react';
import { Button } from '../components/button.tsx';
import { Field } from '../components/field.tsx';
import { useFocusOnWrong } from '../components/use-focus-on-wrong.ts';
import { Segments } from '../usage-chart/segments.tsx';
import { hour, useNow } from '../usage-chart/use-now.ts';
import {
  boundsOf,
  boundsWords,
  checkDays,
  type Days,
  dayOf,
  type NamedSpan,
  type Span,
  spanNames,
} from './span.ts';
import styles from './span-bar.module.css';

type Option = NamedSpan | 'other';
const options: Record<Option, { name: string }> = {
  hours: { name: spanNames.hours },
  week: { name: spanNames.week },
  days: { name: spanNames.days },
  month: { name: spanNames.month },
  other: { name: 'Custom' },
};

/** Chooses a page's time span: a named one, or any days. */
export function SpanBar({ span, onChange }: { span: Span; onChange: (span: Span) => void }) {
  const now = useNow(hour);
  const custom = typeof span === 'object';
  // a choice applies at once; the URL follows a moment later
  const [chosen, setChosen] = useState<Option>();
  const [seen, setSeen] = useState(span);
  if (seen !== span) {
    setSeen(span);
    setChosen(undefined);
  }
  const option: Option = chosen ?? (custom ? 'other' : span);
  const bounds = boundsOf(span, now);
  const choose = (next: Option) => {
    setChosen(next);
    if (next !== 'other') onChange(next);
  };
  return (
    <div className={styles.bar}>
      <Segments legend="Time" options={options} value={option} onChange={choose} />
      <span className={styles.words} role="status">
        {boundsWords(bounds)} (UTC)
      </span>
      {option === 'other' && (
        <DaysForm
          // new days in the URL replace the entered ones
          key={JSON.stringify(span)}
          days={
            custom
              ? span
              : { first: dayOf(bounds.from.getTime()), last: dayOf(bounds.to.getTime() - 1) }
          }
          now={now}
          onApply={onChange}
        />
      )}
    </div>
  );
}

function DaysForm(props: { days: Days; now: number; onApply: (days: Days) => void }) {
  const { days, now, onApply } = props;
  const [entered, setEntered] = useState(days);
  const [wrong, setWrong] = useState<Partial<Days>>({});
  const form = useRef<HTMLFormElement>(null);
  useFocusOnWrong(form, wrong);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const mistakes = checkDays(entered, now);
    setWrong(mistakes);
    if (Object.keys(mistakes).length === 0) onApply(entered);
  };
  const control = (name: keyof Days) => ({
    value: entered[name],
    max: dayOf(now),
    onChange: (event: { target: { value: string } }) =>
      setEntered({ ...entered, [name]: event.target.value }),
  });
  return (
    <form ref={form} className={styles.days} onSubmit={submit} noValidate aria-label="Custom days">
      <Field label="First day (UTC)" error={wrong.first}>
        <input type="date" {...control('first')} />
      </Field>
      <Field label="Last day (UTC)" error={wrong.last}>
        <input type="date" {...control('last')} />
      </Field>
      <div className={styles.apply}>
        <Button type="submit">Apply</Button>
      </div>
    </form>
  );
}
