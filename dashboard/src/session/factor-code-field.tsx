import { Field } from '../components/field.tsx';

/** The code that an authenticator shows. */
export function FactorCodeField() {
  return (
    <Field label="Code from your authenticator app" hint="Six digits, another each half minute.">
      <input name="code" autoComplete="one-time-code" inputMode="numeric" required maxLength={10} />
    </Field>
  );
}
