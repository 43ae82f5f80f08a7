import { parse } from 'csv-parse/sync';
import { expect } from 'vitest';
import type { UsageEvent } from '../../support/event-scenes.ts';
import { type Persona, request } from '../../support/personas.ts';

/** The header row that every CSV starts with. */
export const header = [
  'eventId',
  'apiKeyId',
  'occurredAt',
  'targetHost',
  'method',
  'statusCode',
  'bytesSent',
  'bytesReceived',
  'durationMs',
  'servedByNodeId',
  'code',
  'count',
  'billed',
] as const satisfies (keyof UsageEvent)[];

/** Requests a key's events in a media type. */
export function requestEvents(
  by: Pick<Persona, 'token'>,
  id: string,
  options: { accept: string; query?: string },
): Promise<Response> {
  return request('GET', `/api/v1/proxy/keys/${id}/events${options.query ?? ''}`, {
    token: by.token,
    headers: { Accept: options.accept },
  });
}

/** Requests a path as CSV. */
export function requestCsv(by: Pick<Persona, 'token'>, path: string): Promise<Response> {
  return request('GET', path, { token: by.token, headers: { Accept: 'text/csv' } });
}

/** All of a key's events as CSV. */
export async function readCsv(
  by: Pick<Persona, 'token'>,
  id: string,
  query?: string,
): Promise<string> {
  const response = await requestEvents(by, id, {
    accept: 'text/csv',
    ...(query === undefined ? {} : { query }),
  });
  const text = await response.text();
  expect(response.status, text).toBe(200);
  expect(response.headers.get('Content-Type')).toMatch(/^text\/csv\b/);
  return text;
}

/** The fields of RFC 4180, row by row; any other format is an error. */
export function parseCsv(text: string): string[][] {
  return parse(text, { record_delimiter: '\r\n', relax_column_count: false });
}

/** An event as a CSV row, if none of its texts looks like a formula. */
export function csvRow(event: UsageEvent): string[] {
  return header.map((name) => String(event[name] ?? ''));
}
