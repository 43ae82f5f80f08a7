import { exportKeys } from '../data/export-keys.ts';
import type { KeyQuery } from '../data/use-keys.ts';
import { useSession } from '../session/session-context.ts';
import { CsvExport } from '../usage/csv-export.tsx';

/** Downloads all keys that the filters keep, whatever their number. */
export function KeyExport({ query }: { query: KeyQuery }) {
  const { supabase } = useSession();
  return <CsvExport name="keys.csv" read={() => exportKeys(supabase, query)} />;
}
