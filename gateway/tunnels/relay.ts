import type { Socket } from 'node:net';
import { resetSocket } from './reset-socket.ts';

export interface RelayOptions {
  /**
   * Awaited before the client learns that the target has closed its half. If it rejects, the client
   * gets a reset instead.
   */
  beforeEnd: () => Promise<void>;
  /** How long a client that has received everything may take to close, in ms. Default 10 s. */
  lingerMs?: number;
}

/**
 * Relays bytes between a client and its target; each side may close its half separately. The client
 * sees a close only after `beforeEnd`, when the bytes before it have been recorded. If one side's
 * connection breaks, the other side gets a reset, so that a part does not look like the whole.
 */
export function relay(client: Socket, target: Socket, options: RelayOptions): void {
  const { beforeEnd, lingerMs = 10_000 } = options;
  const cut = () => {
    resetSocket(client);
    resetSocket(target);
  };
  // `pipe` would need a dozen listeners for this
  const toTarget = (chunk: Buffer) => void (target.write(chunk) || client.pause());
  client.on('data', toTarget);
  target.on('drain', () => client.resume());
  target.on('data', (chunk) => void (client.write(chunk) || target.pause()));
  client.on('drain', () => target.resume());

  const endClient = async () => {
    try {
      await beforeEnd();
    } catch {
      cut();
      return;
    }
    if (client.writable) client.end();
  };
  const linger = () => {
    if (!target.closed || !client.writableFinished) return;
    // not a reset, which would drop what the client has not yet read from the kernel
    const timer = setTimeout(() => client.destroy(), lingerMs);
    client.once('close', () => clearTimeout(timer));
  };
  whenEnded(client, () => target.end());
  whenEnded(target, () => void endClient());
  client.once('finish', linger);
  target.once('error', () => !target.readableEnded && cut());
  target.once('close', () => {
    if (!target.readableEnded) cut();
    // nothing reads it anymore, and a paused socket would never see its end
    client.off('data', toTarget).resume();
    linger();
  });
  client.once('error', cut);
  client.once('close', () => target.destroy());
}

/** An empty stream may have ended before a listener was added. */
function whenEnded(socket: Socket, act: () => void): void {
  if (socket.readableEnded) act();
  else socket.once('end', act);
}
