import { Field } from '../components/field.tsx';

/** The field for an authenticator's code. */
export function FactorCodeField() {
  return (
    <Field
      label="Code from your authenticator app"
      hint="Six digits. The code changes every 30 seconds."
    >
      <input name="code" autoComplete="one-time-code" inputMode="numeric" required maxLength={10} />
    </Field>
  );
}
