import { Field } from '../components/field.tsx';

/** Asks why an admin does something. It goes into the audit of what is changed. */
export function ReasonField(props: { hint: string; optional?: boolean; autoFocus?: boolean }) {
  const { hint, optional = false, autoFocus = false } = props;
  return (
    <Field label={optional ? 'Reason (optional)' : 'Reason'} hint={`${hint} Up to 500 characters.`}>
      <textarea
        name="reason"
        rows={3}
        maxLength={500}
        required={!optional}
        autoComplete="off"
        autoFocus={autoFocus}
        dir="auto"
      />
    </Field>
  );
}

/** The reason that a form has, in one line: a line break is none of the characters it may have. */
export function reasonOf(form: FormData): string {
  return String(form.get('reason')).replace(/\s+/g, ' ').trim();
}
