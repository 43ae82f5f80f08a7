import { type Child, type ChildOptions, spawnChild } from './child-process.ts';
import { signalGroup } from './process-identity.ts';
import { claimRun, forgetRun, recordPrograms } from './run-record.ts';

/** Owns the stack's programs from the moment each is spawned: none can outlive it unnoticed. */
export interface Supervisor {
  /** Starts a program that is to run as long as the stack does. */
  start(options: ChildOptions): Child;
  /** Runs a program to its end, which comes early when the stack is stopped. */
  run(options: ChildOptions): Promise<Child>;
  /** Settles with a program when it ends though nobody asked it to. */
  failed: Promise<Child>;
  /** Ends every program; the first started, which the others use, last. */
  stopAll(): Promise<void>;
}

/** Ends what a killed run left (told to `report`), then supervises this run's programs. */
export async function createSupervisor(
  processesFile: string,
  report: (step: string) => void,
): Promise<Supervisor> {
  const orphans = await claimRun(processesFile);
  if (orphans.length > 0) report(`ended what a killed run had left: ${orphans.join(', ')}`);

  const children: Child[] = [];
  let stopping = false;
  const { promise: failed, resolve: announceFailure } = Promise.withResolvers<Child>();
  const spawn = (options: ChildOptions): Child => {
    if (stopping) throw new Error(`${options.name} was not started: the stack is being stopped`);
    const child = spawnChild(options);
    children.push(child);
    recordPrograms(processesFile, children);
    return child;
  };
  // whoever ends this process without stopping the stack at least leaves no program running
  const signalAll = () => {
    for (const child of children) {
      if (!child.hasExited()) signalGroup(child.process.pid, child.stopSignal);
    }
  };
  process.once('exit', signalAll);

  return {
    failed,
    start(options) {
      const child = spawn(options);
      child.exited.then(() => {
        if (!stopping) announceFailure(child);
      });
      return child;
    },
    async run(options) {
      const child = spawn(options);
      await child.exited;
      children.splice(children.indexOf(child), 1);
      if (!stopping) recordPrograms(processesFile, children);
      return child;
    },
    async stopAll() {
      stopping = true;
      const [first, ...others] = [...children];
      await Promise.all(others.map((child) => child.stop()));
      await first?.stop();
      forgetRun(processesFile);
      process.off('exit', signalAll);
    },
  };
}
