import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { openSpool, type Spool, type SpoolOptions } from '../../../gateway/usage/spool.ts';
import type { UsageEvent } from '../../../gateway/usage/usage-event.ts';

/** Pino's numbers. */
export const [info, warn, error] = [30, 40, 50];

export interface LogLine {
  level: number;
  [field: string]: unknown;
}

/** A folder of a test, what was logged of it, and its spools. */
export interface SpoolFolder {
  directory: string;
  logged: LogLine[];
  log: SpoolOptions['log'];
  /** How many lines were logged at a level. */
  count(level: number): number;
  /** Opens the spool, which reads all from its files; what is left open is closed at the test's end. */
  open(options?: Partial<SpoolOptions>): Promise<Spool>;
  /** Names of the files of records, oldest first. */
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

/** Appends events one after the other, each when the one before is on disk. */
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
