import { type Child, type ChildOptions, spawnChild } from './child-process.ts';
import { endOrphans, forgetProcesses, recordProcesses } from './orphans.ts';

/** Owns the stack's programs from the moment each is spawned: none can outlive it unnoticed. */
export interface Supervisor {
  start(options: ChildOptions): Child;
  /** Settles with a program's name when it ends though nobody asked it to. */
  failed: Promise<string>;
  /** Ends every program; the first started, which the others use, last. */
  stopAll(): Promise<void>;
}

/** Ends what a killed run left (told to `report`), then supervises this run's programs. */
export async function createSupervisor(
  processesFile: string,
  report: (step: string) => void,
): Promise<Supervisor> {
  const orphans = await endOrphans(processesFile);
  if (orphans.length > 0) report(`ended what a killed run had left: ${orphans.join(', ')}`);

  const children: Child[] = [];
  let stopping = false;
  let announceFailure: (name: string) => void;
  const failed = new Promise<string>((resolve) => {
    announceFailure = resolve;
  });
  return {
    failed,
    start(options) {
      if (stopping) throw new Error(`${options.name} was not started: the stack is being stopped`);
      const child = spawnChild(options);
      children.push(child);
      recordProcesses(processesFile, children);
      child.exited.then(() => {
        if (!stopping) announceFailure(child.name);
      });
      return child;
    },
    async stopAll() {
      stopping = true;
      const [first, ...others] = children;
      await Promise.all(others.map((child) => child.stop()));
      await first?.stop();
      forgetProcesses(processesFile);
    },
  };
}
