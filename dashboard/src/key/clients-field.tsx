import { Field } from '../components/field.tsx';
import { readAllowedClients, writeAllowedClients } from './allowed-clients.ts';

/** Asks from which addresses a key may be used. */
export function ClientsField(props: {
  initial?: string[];
  wrong: string | undefined;
  autoFocus?: boolean;
  rows?: number;
}) {
  const { initial = [], wrong, autoFocus, rows = 6 } = props;
  return (
    <Field
      label="Addresses and ranges"
      hint="One a line, as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32. At most 50. Leave it empty to let any client in."
      error={wrong}
    >
      <textarea
        name="clients"
        rows={rows}
        defaultValue={writeAllowedClients(initial)}
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        autoFocus={autoFocus}
      />
    </Field>
  );
}

/** What this field says. */
export function readClients(form: FormData): string[] {
  return readAllowedClients(String(form.get('clients') ?? ''));
}
