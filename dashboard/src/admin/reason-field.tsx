import { Field } from '../components/field.tsx';

/** Asks for an admin's reason. It is stored in the audit history. */
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

/** The form's reason in one line, because a reason may not contain line breaks. */
export function reasonOf(form: FormData): string {
  return String(form.get('reason')).replace(/\s+/g, ' ').trim();
}
