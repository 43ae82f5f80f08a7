import { type FormEvent, useRef, useState } from 'react';
import { Button } from '../components/button.tsx';
import { Field } from '../components/field.tsx';
import { useFocusOnWrong } from '../components/use-focus-on-wrong.ts';
import styles from './event-filter-bar.module.css';
import { checkFilters, type EventFilters, isFiltered, noFilters } from './event-filters.ts';

/** Filters for the events. They apply on submit, because part of a host or a date matches nothing. */
export function EventFilterBar(props: {
  filters: EventFilters;
  onApply: (filters: EventFilters) => void;
}) {
  const { filters, onApply } = props;
  const [entered, setEntered] = useState(filters);
  const [wrong, setWrong] = useState<Partial<EventFilters>>({});
  const [applied, setApplied] = useState(filters);
  const form = useRef<HTMLFormElement>(null);
  useFocusOnWrong(form, wrong);
  // the filters were applied, or the URL changed
  if (applied !== filters) {
    setApplied(filters);
    setEntered(filters);
    setWrong({});
  }

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const mistakes = checkFilters(entered);
    setWrong(mistakes);
    if (Object.keys(mistakes).length === 0) onApply(entered);
  };
  const control = (name: keyof EventFilters) => ({
    value: entered[name],
    onChange: (event: { target: { value: string } }) =>
      setEntered({ ...entered, [name]: event.target.value }),
  });
  return (
    <search>
      <form ref={form} className={styles.bar} onSubmit={submit} noValidate>
        <Field label="First day (UTC)" error={wrong.from}>
          <input type="date" max="9999-12-31" {...control('from')} />
        </Field>
        <Field label="Last day (UTC)" error={wrong.to}>
          <input type="date" max="9999-12-31" {...control('to')} />
        </Field>
        <Field label="Status" error={wrong.status}>
          <input inputMode="numeric" placeholder="200" autoComplete="off" {...control('status')} />
        </Field>
        <Field label="Code" error={wrong.code}>
          <input
            placeholder="rate_limited"
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            {...control('code')}
          />
        </Field>
        <Field label="Target host" error={wrong.host}>
          <input
            placeholder="shop.example.com"
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            {...control('host')}
          />
        </Field>
        <div className={styles.buttons}>
          <Button type="submit">Filter</Button>
          <Button
            aria-disabled={!isFiltered(entered) && !isFiltered(filters)}
            onClick={() => {
              setEntered(noFilters);
              setWrong({});
              if (isFiltered(filters)) onApply(noFilters);
            }}
          >
            Clear
          </Button>
        </div>
      </form>
    </search>
  );
}
