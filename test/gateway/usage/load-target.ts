import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { sendInParts } from '../send-in-parts.ts';
import type { LoadPlan } from './load-plan.ts';

/** What a target saw of the tunnel that led to one of its addresses. */
export interface TargetCount {
  connections: number;
  received: number;
  sent: number;
  /** Whether a connection was reset: what was on its way to the target then, it never read. */
  reset: boolean;
}

/** Servers at every address of 127.0.0.0/8, as Linux has them, and one port. */
export interface LoadTarget {
  port: number;
  /** By address. Settled when no connection is open. */
  counts: Map<string, TargetCount>;
  /** Resolves when no connection is open. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

/** Starts one that does at each address what `planFor` says. */
export async function startLoadTarget(
  planFor: (address: string) => LoadPlan | undefined,
): Promise<LoadTarget> {
  const counts: LoadTarget['counts'] = new Map();
  const open = new Set<Socket>();
  let onIdle = () => {};
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const { localAddress: address = '' } = socket;
    open.add(socket);
    const count = counts.get(address) ?? { connections: 0, received: 0, sent: 0, reset: false };
    counts.set(address, count);
    count.connections += 1;
    socket.on('error', () => {
      count.reset = true;
    });
    socket.once('close', () => {
      count.received += socket.bytesRead;
      count.sent += socket.bytesWritten;
      open.delete(socket);
      if (open.size === 0) onIdle();
    });
    const plan = planFor(address);
    if (plan) void serve(socket, plan);
    else socket.destroy();
  });
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    counts,
    async idle() {
      if (open.size > 0) await new Promise<void>((resolve) => (onIdle = resolve));
    },
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Ends its own side when the plan says so; the connection closes when both sides have. */
async function serve(socket: Socket, { upload, download, parts, ending }: LoadPlan): Promise<void> {
  const { promise: whole, resolve } = Promise.withResolvers<void>();
  const ended = new Promise<void>((settle) => socket.once('end', settle));
  socket.on('data', () => socket.bytesRead >= upload && resolve());
  await sendInParts(socket, download, parts);
  // a client that ended before has broken off
  if (ending === 'target') await Promise.race([whole, ended]);
  else if (ending !== 'target early') await ended;
  socket.end();
}
