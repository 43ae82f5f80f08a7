import { createServer, type IncomingHttpHeaders } from 'node:http';
import { listenOnLoopback, loopback } from '../../scripts/stack/ports.ts';

/** A request on its way to a project. */
export interface Passing {
  path: string;
  headers: Record<string, string>;
}

/** Changes a request before it is forwarded, or answers it. */
export type Change = (passing: Passing) => Response | undefined;

/** A proxy in front of a project that simulates a wrong deployment: `change` sees each request. */
export async function startFront(
  target: string,
  change: Change,
): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const passing: Passing = { path: request.url ?? '/', headers: readHeaders(request.headers) };
    const changed = change(passing);
    const method = request.method ?? 'GET';
    const answer =
      changed ??
      (await fetch(`${target}${passing.path}`, {
        method,
        headers: passing.headers,
        ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
      }));
    const headers = Object.fromEntries(answer.headers);
    delete headers['content-encoding'];
    delete headers['content-length'];
    response.writeHead(answer.status, headers).end(Buffer.from(await answer.arrayBuffer()));
  });
  const port = await listenOnLoopback(server, 0, 'the front');
  return {
    url: `http://${loopback}:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const hopByHop = ['host', 'connection', 'content-length', 'transfer-encoding', 'keep-alive'];

function readHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => !hopByHop.includes(name))
      .map(([name, value]) => [name, String(value)]),
  );
}
