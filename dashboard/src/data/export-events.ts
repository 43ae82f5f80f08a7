import type { Supabase } from './database.ts';
import { answerOf } from './refusal.ts';
import type { EventQuery } from './use-events.ts';

/** How much of an export has been read. */
export interface ExportProgress {
  parts: Blob[];
  events: number;
}

/**
 * Reads all events of a key as CSV, a part at a time, and tells after each what there is so far. Throws
 * Refusal, or what `signal` was aborted with.
 */
export async function* exportEvents(
  supabase: Supabase,
  id: string,
  query: EventQuery,
  signal: AbortSignal,
): AsyncGenerator<ExportProgress> {
  const parts: Blob[] = [];
  let events = -1; // the first line has the names
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
    // the browser may keep a Blob on disk, as it may not a string
    parts.push(new Blob([csv]));
    events += csv.split('\r\n').length - 1;
    cursor = part.next_cursor;
    yield { parts, events };
  } while (cursor);
}

/** Hands a file to the browser, as a download of that name. */
export function download(parts: Blob[], name: string): void {
  const url = URL.createObjectURL(new Blob(parts, { type: 'text/csv' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // the download begins after this, and needs the URL until it has
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
