import type { Logger } from 'pino';
import type { CoreConfiguration } from './configuration.ts';
import { createPool } from './keys/key-lookup.ts';
import { recordUsageWith } from './usage/record-usage.ts';
import { type Resending, resendRejected } from './usage/resend-rejected.ts';
import { SpoolInUse } from './usage/spool-lock.ts';

/** `npm run gateway -- --resend-rejected`: prints what became of it, and returns the exit code. */
export async function resend(
  { databaseUrl, spoolDirectory }: CoreConfiguration,
  { log, console }: { log: Logger; console: Pick<Console, 'log' | 'error'> },
): Promise<number> {
  const pool = createPool({ databaseUrl, connections: 1, timeoutMs: 30_000, log });
  try {
    const outcome = await resendRejected(spoolDirectory, recordUsageWith(pool));
    const { outcomes, unreadable, failure } = outcome;
    console.log(describe(outcome));
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
    console.error(
      `Another command sends again what was put aside in ${spoolDirectory}: wait for it.`,
    );
    return 1;
  } finally {
    await pool.end();
  }
}

function describe({ outcomes, unreadable, failure }: Resending): string {
  if (outcomes.length === 0 && unreadable === 0) {
    return failure === null ? 'Nothing was put aside.' : 'Nothing was sent.';
  }
  const rows = [
    ['put aside for', 'sent', 'recorded', 'repeated', 'still refused'],
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
