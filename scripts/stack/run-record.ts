import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeFileAtomically } from './atomic-file.ts';
import type { Child } from './child-process.ts';
import { identify, isRunning, type ProcessIdentity, signalGroup } from './process-identity.ts';
import { StackError } from './stack-error.ts';

/** What a run notes in its folder, for the next start to clear up should it be killed. */
export interface RunRecord {
  owner: ProcessIdentity;
  programs: Program[];
}

/** A program of a run. */
export type Program = Pick<Child, 'name' | 'process' | 'stopSignal'>;

/**
 * Makes this process the one that runs the stack of a folder. Ends what a killed run left running
 * there and returns its names; refuses when a run is still alive.
 */
export async function claimRun(file: string): Promise<string[]> {
  const record = readRunRecord(file);
  if (record && isRunning(record.owner)) throw alreadyRunning(record.owner.pid);
  const ended = await endPrograms(record?.programs ?? []);
  rmSync(file, { force: true });
  const claim: RunRecord = { owner: identify(process.pid), programs: [] };
  try {
    writeFileSync(file, JSON.stringify(claim), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw alreadyRunning(readRunRecord(file)?.owner.pid);
  }
  return ended;
}

/** Notes which programs run now. */
export function recordPrograms(file: string, children: Child[]): void {
  const record: RunRecord = {
    owner: identify(process.pid),
    programs: children.map(({ name, process, stopSignal }) => ({ name, process, stopSignal })),
  };
  writeFileAtomically(file, JSON.stringify(record));
}

/** Forgets the run: all of its programs have ended. */
export function forgetRun(file: string): void {
  rmSync(file, { force: true });
}

/** The record of a run that has not ended in order, or null. */
export function readRunRecord(file: string): RunRecord | null {
  try {
    const record = JSON.parse(readFileSync(file, 'utf8')) as Partial<RunRecord>;
    return record.owner && record.programs ? (record as RunRecord) : null;
  } catch {
    return null;
  }
}

/** Ends those of a killed run's programs that still run, and names them. */
export async function endPrograms(programs: Program[]): Promise<string[]> {
  const orphans = programs.filter((program) => isRunning(program.process));
  for (const { process, stopSignal } of orphans) signalGroup(process.pid, stopSignal);
  for (let waited = 0; orphans.some((orphan) => isRunning(orphan.process)); waited += 20) {
    if (waited === 5000) {
      for (const { process } of orphans) signalGroup(process.pid, 'SIGKILL');
    }
    await sleep(20);
  }
  return orphans.map(({ name }) => name);
}

function alreadyRunning(pid: number | undefined): StackError {
  return new StackError(
    `This checkout's stack is running already${pid ? ` (process ${pid})` : ''}.`,
    'Use it, or stop it first: Ctrl-C where it runs. ' +
      '`npm start -- --ephemeral` starts another beside it.',
  );
}
