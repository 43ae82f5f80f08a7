import { inject } from 'vitest';
import { request } from './personas.ts';

/** A version as its numbers: `[12, 0, 2]`. */
export type Version = number[];

/** Answers by the version that first gave them: `{ 12: 'PGRST301', 13: 'PGRST303' }`. */
export type ByVersion<T> = Record<string, T>;

/** The version in a `Server` header. Fails without one, because no test may guess. */
export function readVersion(server: string | null): Version {
  const [, named] = /^postgrest\/(\d+(?:\.\d+)*)/.exec(server ?? '') ?? [];
  if (named === undefined) throw new Error(`no version of PostgREST in ${JSON.stringify(server)}`);
  return named.split('.').map(Number);
}

/** The answer of `version`: that of the newest entry that is not newer than it. */
export function pickByVersion<T>(version: Version, answers: ByVersion<T>): T {
  const fitting = Object.entries(answers)
    .map(([since, answer]) => ({ since: since.split('.').map(Number), answer }))
    .filter(({ since }) => compare(since, version) <= 0)
    .toSorted((one, other) => compare(one.since, other.since));
  const newest = fitting.at(-1);
  if (!newest) throw new Error(`nothing is known of PostgREST ${version.join('.')}`);
  return newest.answer;
}

function compare(one: Version, other: Version): number {
  const length = Math.max(one.length, other.length);
  const differences = Array.from({ length }, (_, n) => (one[n] ?? 0) - (other[n] ?? 0));
  return differences.find((difference) => difference !== 0) ?? 0;
}

let running: Promise<Version> | undefined;

/** The answer of the PostgREST under the tests: exactly one answer per version. */
export async function byVersion<T>(answers: ByVersion<T>): Promise<T> {
  running ??= request('GET', '/rest/v1/rpc/proxy_health', {
    headers: { apikey: inject('stack').publishableKey },
  }).then(({ headers }) => readVersion(headers.get('Server')));
  return pickByVersion(await running, answers);
}
