import type { Supabase } from './database.ts';
import { answerOf } from './refusal.ts';
import type { KeyQuery } from './use-keys.ts';

/** Reads all matching keys as CSV, part by part. Throws Refusal. */
export async function exportKeys(supabase: Supabase, query: KeyQuery): Promise<Blob> {
  const parts: Blob[] = [];
  let cursor: string | null = null;
  do {
    const part: { csv: string | null; next_cursor: string | null } = await answerOf(
      supabase.rpc('export_proxy_keys', { ...query, ...(cursor ? { cursor } : {}) }),
    );
    // the browser can store a Blob on disk, but not a string
    parts.push(new Blob([part.csv ?? '']));
    cursor = part.next_cursor;
  } while (cursor);
  return new Blob(parts);
}
