import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { sendInParts } from '../send-in-parts.ts';
import type { LoadPlan } from './load-plan.ts';

/** A target's view of the tunnel to one of its addresses. */
export interface TargetCount {
  connections: number;
  received: number;
  sent: number;
  /** Whether a connection was reset, so that the target did not read everything. */
  reset: boolean;
}

/** Servers on one port at every address of 127.0.0.0/8, which Linux allows. */
export interface LoadTarget {
  port: number;
  /** By address; final when no connection is open. */
  counts: Map<string, TargetCount>;
  /** Resolves when no connection is open. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a server that follows `planFor` at each address. */
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

/** Ends its own side according to the plan; the connection closes when both sides have ended. */
async function serve(socket: Socket, { upload, download, parts, ending }: LoadPlan): Promise<void> {
  const { promise: whole, resolve } = Promise.withResolvers<void>();
  const ended = new Promise<void>((settle) => socket.once('end', settle));
  socket.on('data', () => socket.bytesRead >= upload && resolve());
  await sendInParts(socket, download, parts);
  // a client that has ended by now broke off
  if (ending === 'target') await Promise.race([whole, ended]);
  else if (ending !== 'target early') await ended;
  socket.end();
}
