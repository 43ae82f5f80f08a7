import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { openSpool, type Spool, type SpoolOptions } from '../../../gateway/usage/spool.ts';
import type { UsageEvent } from '../../../gateway/usage/usage-event.ts';

/** Pino's level numbers. */
export const [info, warn, error] = [30, 40, 50];

export interface LogLine {
  level: number;
  [field: string]: unknown;
}

/** A folder for one test, its spools, and their log. */
export interface SpoolFolder {
  directory: string;
  logged: LogLine[];
  log: SpoolOptions['log'];
  /** The number of log lines at a level. */
  count(level: number): number;
  /** Opens the spool, which reads everything from its files; closed after the test. */
  open(options?: Partial<SpoolOptions>): Promise<Spool>;
  /** The names of the record files, oldest first. */
  files(): string[];
  path(name: string): string;
  read(name: string): string;
}

export function newSpoolFolder(): SpoolFolder {
  const parent = mkdtempSync(join(tmpdir(), 'spool-test-'));
  const directory = join(parent, 'spool');
  const logged: LogLine[] = [];
  const log = pino(
    { level: 'trace' },
    { write: (line: string) => void logged.push(JSON.parse(line)) },
  );
  const spools: Spool[] = [];
  onTestFinished(async () => {
    await Promise.all(spools.map((spool) => spool.close()));
    rmSync(parent, { recursive: true });
  });
  const path = (name: string) => join(directory, name);
  return {
    directory,
    logged,
    log,
    count: (level) => logged.filter((line) => line.level === level).length,
    async open(options = {}) {
      const spool = await openSpool({ directory, log, keptSegments: 0, ...options });
      spools.push(spool);
      return spool;
    },
    files: () =>
      readdirSync(directory)
        .filter((name) => /^\d+\.ndjson/.test(name))
        .sort(),
    path,
    read: (name) => readFileSync(path(name), 'utf8'),
  };
}

/** Appends events one after the other, each after the previous one is on disk. */
export async function appendInOrder(spool: Spool, events: UsageEvent[]): Promise<void> {
  for (const event of events) await spool.append(event);
}

/** Every event of the sealed segments. */
export async function readAll(spool: Spool): Promise<UsageEvent[]> {
  const events: UsageEvent[] = [];
  for (const segment of spool.sealed()) events.push(...(await spool.read(segment)));
  return events;
}

export function idsOf(events: UsageEvent[]): string[] {
  return events.map(({ eventId }) => eventId);
}
