import { createServer } from 'node:net';
import getPort from 'get-port';
import { StackError } from './stack-error.ts';

/** Every part of the stack listens here, and nowhere else. */
export const loopback = '127.0.0.1';

/** A port of the loopback address that nobody listens on now. */
export function freePort(): Promise<number> {
  return getPort({ host: loopback });
}

/** Returns `port`, or fails with what to do when somebody listens on it. */
export async function requireFreePort(port: number, part: string): Promise<number> {
  const free = await new Promise<boolean>((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, loopback, () => server.close(() => resolve(true)));
  });
  if (free) return port;
  throw new StackError(
    `Port ${port}, which ${part} needs, is in use.`,
    'Stop what uses it (another stack?), change the port in supabase/config.toml, ' +
      'or run `npm start -- --ephemeral`, which takes free ports.',
  );
}
