import { constants } from 'node:os';
import { type Child, type ChildOptions, spawnChild } from './child-process.ts';
import { signalGroup } from './process-identity.ts';
import { claimRun, forgetRun, recordPrograms } from './run-record.ts';

/** Owns the stack's programs from the moment each is spawned, so that none can outlive it unnoticed. */
export interface Supervisor {
  /** Starts a program that runs as long as the stack. */
  start(options: ChildOptions): Child;
  /** Runs a program until it exits; it is stopped early if the stack is stopped. */
  run(options: ChildOptions): Promise<Child>;
  /** Resolves to a program that exits unexpectedly. */
  failed: Promise<Child>;
  /** Stops every program; the first one, which the others use, last. */
  stopAll(): Promise<void>;
}

/** Stops the programs that a killed run left, and reports their names; then supervises this run's programs. */
export async function createSupervisor(
  processesFile: string,
  report: (step: string) => void,
): Promise<Supervisor> {
  const orphans = await claimRun(processesFile);
  if (orphans.length > 0) {
    report(`stopped programs left by a killed run: ${orphans.join(', ')}`);
  }

  const children: Child[] = [];
  const passing = new Set<Child>();
  const all = () => [...children, ...passing];
  let stopping = false;
  const { promise: failed, resolve: announceFailure } = Promise.withResolvers<Child>();
  const spawn = (options: ChildOptions): Child => {
    if (stopping) throw new Error(`${options.name} was not started: the stack is being stopped`);
    return spawnChild(options);
  };
  const letGo = onExit(() => {
    for (const child of all()) {
      if (!child.hasExited()) signalGroup(child.process.pid, child.stopSignal);
    }
  });

  return {
    failed,
    start(options) {
      const child = spawn(options);
      children.push(child);
      recordPrograms(processesFile, all());
      child.exited.then(() => {
        if (!stopping) announceFailure(child);
      });
      return child;
    },
    async run(options) {
      const child = spawn(options);
      passing.add(child);
      recordPrograms(processesFile, all());
      await child.exited;
      passing.delete(child);
      if (!stopping) recordPrograms(processesFile, all());
      return child;
    },
    async stopAll() {
      stopping = true;
      const [first, ...others] = children;
      await Promise.all([...passing, ...others].map((child) => child.stop()));
      await first?.stop();
      forgetRun(processesFile);
      letGo();
    },
  };
}

/**
 * Calls `end` if this process exits without stopping the stack, so that no program is left running.
 * Returns a function that cancels this.
 */
function onExit(end: () => void): () => void {
  const exit = (name: NodeJS.Signals) => process.exit(128 + constants.signals[name]);
  // an unhandled signal would kill the process without an exit event
  const unhandled = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).filter(
    (name) => process.listenerCount(name) === 0,
  );
  process.once('exit', end);
  for (const name of unhandled) process.once(name, exit);
  return () => {
    process.off('exit', end);
    for (const name of unhandled) process.off(name, exit);
  };
}
