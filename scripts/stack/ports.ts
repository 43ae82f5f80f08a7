import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import getPort from 'get-port';
import { StackError } from './stack-error.ts';

/** The only address that the parts of the stack listen on. */
export const loopback = '127.0.0.1';

/** Finds a free port on the loopback address. */
export function freePort(): Promise<number> {
  return getPort({ host: loopback });
}

/** Whether and where a part's port can be changed. */
interface PortOptions {
  /** Whether it is set in `supabase/config.toml`. Default: true. */
  configured?: boolean;
}

/** Returns `port`, or fails with what to do next if `part` cannot listen on it. */
export async function requireFreePort(
  port: number,
  part: string,
  options: PortOptions = {},
): Promise<number> {
  const server = createServer();
  await listenOnLoopback(server, port, part, options);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Makes `server` listen on `port` (0 for any free port) and returns the port, or fails with what to do next. */
export async function listenOnLoopback(
  server: Server,
  port: number,
  part: string,
  { configured = true }: PortOptions = {},
): Promise<number> {
  try {
    server.listen(port, loopback);
    await once(server, 'listening');
  } catch (cause) {
    const inUse = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
    const change = configured ? 'change the port in supabase/config.toml, ' : '';
    throw new StackError(
      inUse
        ? `Port ${port}, which ${part} needs, is in use.`
        : `${part} cannot listen on port ${port}: ${cause}`,
      `Stop what uses it (another stack?), ${change}` +
        'or run `npm start -- --ephemeral`, which uses free ports.',
      { cause },
    );
  }
  return (server.address() as AddressInfo).port;
}
