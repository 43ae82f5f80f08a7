import type { Socket } from 'node:net';

export interface RelayOptions {
  /** How long either side may be silent, in ms, before both are ended. */
  idleMs: number;
  /** Awaited before the client is told that the target has no more to say. */
  beforeEnd: () => Promise<void>;
}

/** How long a client may take to close once its target is gone, in ms. */
const lingerMs = 10_000;

/**
 * Passes bytes between a client and its target, each side's end of sending apart. The client learns
 * of an end only after `beforeEnd`: what it saw to the end has been recorded.
 */
export function relay(client: Socket, target: Socket, options: RelayOptions): void {
  client.setNoDelay();
  for (const socket of [client, target]) {
    socket.setTimeout(options.idleMs, () => socket.destroy());
  }
  client.pipe(target);
  target.pipe(client, { end: false });

  const endClient = async () => {
    await options.beforeEnd();
    if (client.writable) client.end();
  };
  target.once('end', () => void endClient());
  target.once('error', () => client.destroy());
  target.once('close', () => {
    // nobody reads on, and a paused socket would never see its end
    client.resume();
    client.setTimeout(lingerMs);
    if (!target.readableEnded) client.destroy();
  });
  client.once('error', () => target.destroy());
  client.once('close', () => target.destroy());
}
