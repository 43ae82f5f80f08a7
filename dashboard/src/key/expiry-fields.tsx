import { useState } from 'react';
import { Field } from '../components/field.tsx';
import { dateTime } from '../format/time.ts';
import { minute, useNow } from '../usage-chart/use-now.ts';
import { fromLocalInput, toLocalInput } from './expiry.ts';

const days = [7, 30, 90];

/** Asks when a key expires: never, in some days, or at a date. Starts with `initial`, if given. */
export function ExpiryFields(props: {
  initial?: string | null;
  missing: boolean;
  autoFocus?: boolean;
}) {
  const { initial, missing, autoFocus } = props;
  const now = useNow(minute);
  const [when, setWhen] = useState(initial ? 'at' : 'never');
  return (
    <>
      <Field label="Expires">
        <select
          name="expires"
          value={when}
          autoFocus={autoFocus}
          onChange={(event) => setWhen(event.target.value)}
        >
          <option value="never">Never</option>
          {days.map((count) => (
            <option key={count} value={count}>
              In {count} days
            </option>
          ))}
          <option value="at">At a date and time</option>
        </select>
      </Field>
      {when === 'at' && (
        <Field
          label="Date and time (UTC)"
          hint={`The time is now ${dateTime(now)}.`}
          error={missing ? 'Enter a date and time.' : undefined}
        >
          <input
            type="datetime-local"
            name="expires_at"
            defaultValue={initial ? toLocalInput(initial) : ''}
            max="9999-12-31T23:59"
          />
        </Field>
      )}
    </>
  );
}

/** The chosen expiry: a time, null for never, or undefined if the date is missing. */
export function readExpiry(form: FormData, now: number): string | null | undefined {
  const when = String(form.get('expires') ?? 'never');
  if (when === 'never') return null;
  if (when === 'at') return fromLocalInput(String(form.get('expires_at')));
  return new Date(now + Number(when) * 86_400_000).toISOString();
}
