import type { Socket } from 'node:net';
import { resetSocket } from './reset-socket.ts';

export interface RelayOptions {
  /**
   * Awaited before the client learns that the target has no more to say. Where it rejects, the
   * client sees a cut instead.
   */
  beforeEnd: () => Promise<void>;
  /** How long a client that has everything may take to close, in ms. Default 10 s. */
  lingerMs?: number;
}

/**
 * Passes bytes between a client and its target, each side's end of sending apart. The client learns
 * of an end only after `beforeEnd`: what it saw to the end has been recorded. Whatever breaks off
 * before its end is passed on as a reset, so that nobody takes a part for the whole.
 */
export function relay(client: Socket, target: Socket, options: RelayOptions): void {
  const { beforeEnd, lingerMs = 10_000 } = options;
  const cut = () => {
    resetSocket(client);
    resetSocket(target);
  };
  // `pipe` takes a dozen listeners for this
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
    // not a reset, which would drop what the client has still to fetch from the kernel
    const timer = setTimeout(() => client.destroy(), lingerMs);
    client.once('close', () => clearTimeout(timer));
  };
  whenEnded(client, () => target.end());
  whenEnded(target, () => void endClient());
  client.once('finish', linger);
  target.once('error', () => !target.readableEnded && cut());
  target.once('close', () => {
    if (!target.readableEnded) cut();
    // nothing takes it any more, and a paused socket would never see its end
    client.off('data', toTarget).resume();
    linger();
  });
  client.once('error', cut);
  client.once('close', () => target.destroy());
}

/** An empty stream may have ended before anybody listened. */
function whenEnded(socket: Socket, act: () => void): void {
  if (socket.readableEnded) act();
  else socket.once('end', act);
}
