import type { Supabase } from './database.ts';
import { answerOf } from './refusal.ts';
import type { EventQuery } from './use-events.ts';

/** The progress of an export. */
export interface ExportProgress {
  parts: Blob[];
  events: number;
}

/**
 * Reads all events of a key as CSV, part by part, and yields the progress after each part. Throws
 * Refusal, or the abort reason of `signal`.
 */
export async function* exportEvents(
  supabase: Supabase,
  id: string,
  query: EventQuery,
  signal: AbortSignal,
): AsyncGenerator<ExportProgress> {
  const parts: Blob[] = [];
  let events = -1; // the first line is the header
  let cursor: string | null = null;
  do {
    const part: { csv: string | null; next_cursor: string | null } = await answerOf(
      supabase
        .rpc('export_proxy_key_events', { id, ...query, ...(cursor ? { cursor } : {}) })
        .abortSignal(signal),
    ).catch((refusal: unknown) => {
      signal.throwIfAborted();
      throw refusal;
    });
    const csv = part.csv ?? '';
    // the browser can store a Blob on disk, but not a string
    parts.push(new Blob([csv]));
    events += csv.split('\r\n').length - 1;
    cursor = part.next_cursor;
    yield { parts, events };
  } while (cursor);
}

/** Downloads a file with that name. */
export function download(parts: Blob[], name: string): void {
  const url = URL.createObjectURL(new Blob(parts, { type: 'text/csv' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // the download starts later and needs the URL until then
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
