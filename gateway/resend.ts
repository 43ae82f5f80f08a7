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
  /** Since when the events were recorded that are sent; those that were put aside where it is left out. */
  since?: Date;
}

/** `--resend-rejected` and `--resend-kept`: prints what became of the events, and returns the exit code. */
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
        `Not all was sent: ${failure.message}\nWhat was not is kept: correct that, then run it again.`,
      );
    }
    return failure === null && unreadable === 0 && outcomes.every(({ refused }) => refused === 0)
      ? 0
      : 1;
  } catch (error) {
    if (!(error instanceof SpoolInUse)) throw error;
    console.error(`Another command sends events of ${spoolDirectory} again: wait for it.`);
    return 1;
  } finally {
    await pool.end();
  }
}

const words = {
  rejected: {
    none: 'Nothing was put aside.',
    heading: ['put aside for', 'sent', 'recorded', 'repeated', 'still refused'],
  },
  kept: {
    none: 'Nothing is kept that was recorded since then.',
    heading: ['events', 'sent', 'recorded', 'repeated', 'put aside'],
  },
};

function describe(
  { outcomes, unreadable, failure }: Resending,
  { none, heading }: (typeof words)[keyof typeof words],
): string {
  if (outcomes.length === 0 && unreadable === 0) {
    return failure === null ? none : 'Nothing was sent.';
  }
  const rows = [
    heading,
    ...outcomes.map(({ reason, ...counts }) => [reason, ...Object.values(counts).map(String)]),
    ...(unreadable > 0 ? [['(no event)', '', '', '', String(unreadable)]] : []),
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
