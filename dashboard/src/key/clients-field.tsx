import { Field } from '../components/field.tsx';
import { readAllowedClients, writeAllowedClients } from './allowed-clients.ts';

/** Asks for the addresses that may use a key. */
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
      hint="One per line, such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32. At most 50. Leave empty to allow any client."
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

/** The field's addresses and ranges. */
export function readClients(form: FormData): string[] {
  return readAllowedClients(String(form.get('clients') ?? ''));
}
