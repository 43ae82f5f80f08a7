import { once } from 'node:events';
import { parentPort, Worker } from 'node:worker_threads';

// Load is sent from a separate thread, so that the load and the measured program never wait for each other.

/** An action of a thread: one argument, one result. */
// biome-ignore lint/suspicious/noExplicitAny: each action has its own type of argument
type Actions = Record<string, (asked: any) => unknown>;

/** A worker thread; its sockets are closed when it is disposed of. */
export interface Thread<Does extends Actions> extends AsyncDisposable {
  /** Resolves to the result, or rejects if the thread fails. One call at a time. */
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
  // reported on the next call
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

/** In a thread: runs the requested actions. */
export function answer(actions: Actions): void {
  parentPort?.on('message', async ({ name, asked }: { name: string; asked: unknown }) => {
    parentPort?.postMessage(await actions[name]?.(asked));
  });
}
