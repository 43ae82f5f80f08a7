import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { onTestFinished, vi } from 'vitest';
import { listenOnLoopback, loopback } from '../../scripts/stack/ports.ts';

/** A complete request to a receiver. */
export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  at: number;
}

/** A webhook's receiver, as a customer runs one. */
export interface Receiver {
  url: string;
  received: Received[];
  /** Answers each request from now on; by default with 200. */
  answer: (response: ServerResponse, received: Received) => void;
  /** Resolves to the received requests once there are `count`. */
  until(count: number): Promise<Received[]>;
}

/** Starts a receiver for a test, on loopback. */
export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const receiver: Receiver = {
    url: '',
    received,
    answer: (response) => response.end('ok'),
    until: (count) =>
      vi.waitFor(
        () => {
          if (received.length < count) {
            const types = received.map(({ body }) => /"type": ?"([^"]*)"/.exec(body)?.[1]);
            throw new Error(`${received.length} of ${count} came: ${types.join(', ')}`);
          }
          return received;
        },
        { timeout: 60_000, interval: 50 },
      ),
  };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const one = { path: request.url ?? '', headers: request.headers, body, at: Date.now() };
    received.push(one);
    receiver.answer(response, one);
  });
  const port = await listenOnLoopback(server, 0, 'a receiver');
  receiver.url = `http://${loopback}:${port}/hook`;
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return receiver;
}
