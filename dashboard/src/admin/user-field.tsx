import { Field } from '../components/field.tsx';
import type { Bound } from './search-form.tsx';

/** Asks for a user. */
export function UserField({ bound }: { bound: Bound }) {
  return (
    <Field label="User">
      <input
        {...bound}
        type="search"
        placeholder="E-mail address or user ID"
        autoComplete="off"
        spellCheck={false}
      />
    </Field>
  );
}
