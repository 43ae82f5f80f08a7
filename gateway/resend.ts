import type { Logger } from 'pino';
import type { CoreConfiguration } from './configuration.ts';
import { createPool } from './keys/key-lookup.ts';
import { type RecordUsage, recordUsageWith } from './usage/record-usage.ts';
import { resendRecorded } from './usage/resend-recorded.ts';
import { resendRejected } from './usage/resend-rejected.ts';
import type { Resending } from './usage/resender.ts';
import { SpoolInUse } from './usage/spool-lock.ts';

interface ResendOptions {
  log: Logger;
  console: Pick<Console, 'log' | 'error'>;
  /** Sends the events that were recorded since then; without it, those that were rejected. */
  since?: Date;
}

/** `--resend-rejected` and `--resend-kept`: prints the outcome, and returns the exit code. */
export async function resend(
  { databaseUrl, spoolDirectory }: CoreConfiguration,
  { log, console, since }: ResendOptions,
): Promise<number> {
  const pool = createPool({ databaseUrl, connections: 1, timeoutMs: 30_000, log });
  const record: RecordUsage = recordUsageWith(pool);
  try {
    const outcome = since
      ? await resendRecorded(spoolDirectory, { since, record })
      : await resendRejected(spoolDirectory, record);
    const { outcomes, unreadable, failure } = outcome;
    console.log(describe(outcome, since ? words.kept : words.rejected));
    if (failure !== null) {
      console.error(
        `Not all events were sent: ${failure.message}\nThe others are kept: fix the cause, then run the command again.`,
      );
    }
    return failure === null && unreadable === 0 && outcomes.every(({ refused }) => refused === 0)
      ? 0
      : 1;
  } catch (error) {
    if (!(error instanceof SpoolInUse)) throw error;
    console.error(`Another command is resending events of ${spoolDirectory}: wait until it ends.`);
    return 1;
  } finally {
    await pool.end();
  }
}

const words = {
  rejected: {
    none: 'No events were rejected.',
    heading: ['rejected for', 'sent', 'recorded', 'repeated', 'still refused'],
  },
  kept: {
    none: 'No events that were recorded since then are kept.',
    heading: ['events', 'sent', 'recorded', 'repeated', 'rejected'],
  },
};

function describe(
  { outcomes, unreadable, failure }: Resending,
  { none, heading }: (typeof words)[keyof typeof words],
): string {
  if (outcomes.length === 0 && unreadable === 0) {
    return failure === null ? none : 'No events were sent.';
  }
  const rows = [
    heading,
    ...outcomes.map(({ reason, ...counts }) => [reason, ...Object.values(counts).map(String)]),
    ...(unreadable > 0 ? [['(unreadable)', '', '', '', String(unreadable)]] : []),
  ];
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: string[]) =>
    row.map((cell, at) =>
      at === 0 ? cell.padEnd(widths?.[at] ?? 0) : cell.padStart(widths?.[at] ?? 0),
    );
  return rows.map((row) => line(row).join('  ')).join('\n');
}
