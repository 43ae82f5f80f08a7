import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import getPort from 'get-port';
import { StackError } from './stack-error.ts';

/** Every part of the stack listens here, and nowhere else. */
export const loopback = '127.0.0.1';

/** A port of the loopback address that nobody listens on now. */
export function freePort(): Promise<number> {
  return getPort({ host: loopback });
}

/** Where the port of a part can be changed, if anywhere. */
interface PortOptions {
  /** Whether it is in `supabase/config.toml`. Default: it is. */
  configured?: boolean;
}

/** Returns `port`, or fails with what to do when `part` could not listen on it. */
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

/** Makes `server` listen on `port`, 0 for any, or fails with what to do. Returns the port. */
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
        'or run `npm start -- --ephemeral`, which takes free ports.',
      { cause },
    );
  }
  return (server.address() as AddressInfo).port;
}
