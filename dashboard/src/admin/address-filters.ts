import { withoutSecret } from '../format/without-secret.ts';

/** Reads the named filters from an address. An empty string is no filter. */
export function readFilters<Name extends string>(
  names: readonly Name[],
  parameters: URLSearchParams,
): Record<Name, string> {
  const entries = names.map((name) => [name, parameters.get(name) ?? '']);
  return Object.fromEntries(entries) as Record<Name, string>;
}

/** Writes filters into an address: neither those that are none, nor a secret. */
export function writeFilters(filters: Record<string, string>): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const [name, typed] of Object.entries(filters)) {
    const value = withoutSecret(typed).trim();
    if (value) parameters.set(name, value);
  }
  return parameters;
}
