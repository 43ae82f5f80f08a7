import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isRunning } from './process-identity.ts';
import { endPrograms, readRunRecord } from './run-record.ts';
import { ephemeralPrefix, processesFileName } from './state-directory.ts';

/**
 * Ends and removes what ephemeral stacks of ours that were killed have left in `parent`: no later
 * start uses their folders, so nobody else would.
 */
export async function clearAbandonedStacks(
  parent: string,
  report: (step: string) => void,
): Promise<void> {
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(ephemeralPrefix)) continue;
    const folder = join(parent, name);
    const record = readRunRecord(join(folder, processesFileName));
    if (!record || isRunning(record.owner) || !isOurs(folder)) continue;
    await endPrograms(record.programs);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    report(`removed what a killed ephemeral stack had left in ${folder}`);
  }
}

/** The folder is where anyone may write: what another user says there is not acted upon. */
function isOurs(folder: string): boolean {
  try {
    return statSync(folder).uid === process.getuid?.();
  } catch {
    return false;
  }
}
