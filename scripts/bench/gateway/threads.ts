import { once } from 'node:events';
import { parentPort, Worker } from 'node:worker_threads';

// Load is sent from a thread of its own: what that does must not wait for what is measured,
// nor the other way round.

/** What a thread does when it is asked to: one argument, one answer. */
// biome-ignore lint/suspicious/noExplicitAny: each action has an argument of its own
type Actions = Record<string, (asked: any) => unknown>;

/** A thread of our own; its sockets are closed when it is disposed of. */
export interface Thread<Does extends Actions> extends AsyncDisposable {
  /** Resolves with the answer. Rejects where the thread fails instead. One at a time. */
  ask<Name extends keyof Does & string>(
    name: Name,
    asked: Parameters<Does[Name]>[0],
  ): Promise<Awaited<ReturnType<Does[Name]>>>;
}

/** Starts a thread with a script that calls `answer`. */
export function startThread<Does extends Actions>(script: URL): Thread<Does> {
  const worker = new Worker(script);
  const failed = once(worker, 'error').then(([error]) => {
    throw error;
  });
  // the next question is answered with it
  failed.catch(() => {});
  return {
    async ask(name, asked) {
      worker.postMessage({ name, asked });
      const [answer] = await Promise.race([once(worker, 'message'), failed]);
      return answer;
    },
    async [Symbol.asyncDispose]() {
      await worker.terminate();
    },
  };
}

/** In a thread: does what it is asked to. */
export function answer(actions: Actions): void {
  parentPort?.on('message', async ({ name, asked }: { name: string; asked: unknown }) => {
    parentPort?.postMessage(await actions[name]?.(asked));
  });
}
