import { Field } from '../components/field.tsx';
import type { Bound } from './search-form.tsx';

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
