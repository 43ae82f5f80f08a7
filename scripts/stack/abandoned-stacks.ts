import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isRunning } from './process-identity.ts';
import { endPrograms, readRunRecord } from './run-record.ts';
import { ephemeralPrefix, processesFileName } from './state-directory.ts';

/**
 * Stops the programs and removes the folders that our killed ephemeral stacks left in `parent`: no
 * later start uses these folders, so nothing else would clean them up.
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
    report(`removed the folder of a killed ephemeral stack: ${folder}`);
  }
}

/** Any user may write to the parent folder, so another user's record is not acted upon. */
function isOurs(folder: string): boolean {
  try {
    return statSync(folder).uid === process.getuid?.();
  } catch {
    return false;
  }
}
