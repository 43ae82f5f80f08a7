import { Agent, type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { readToEnd } from '../../support/gateway/gateway-fixture.ts';

/**
 * Whether the kernel reset a connection. The failed system call may be `connect`, if the reset came
 * before Node saw the connection. Node's own `socket hang up` has the code and no system call.
 */
const isReset = ({ code, syscall }: NodeJS.ErrnoException) =>
  code === 'ECONNRESET' && syscall !== undefined;

/** The results of a load's requests. */
export interface LoadResult {
  answered: number;
  /** Refused connects, each at one address while another accepted the request. */
  refused: number;
  /** Connections that were reset before any byte arrived, as the kernel does when a port closes. */
  reset: number;
  /** The other failures. */
  failures: string[];
}

/** A load on gateways that runs until it is stopped. */
export interface RequestLoad {
  readonly result: LoadResult;
  /** Resolves when the last request is answered. */
  stop(): Promise<LoadResult>;
}

export interface RequestLoadOptions {
  /** Gateway ports: each request uses the next one, and another one after a refused connect. */
  ports: number[];
  clients: number;
  basicAuth: string;
  /** A site that answers each request with its method and path. */
  sitePort: number;
}

/**
 * Clients that send requests without a pause, in turn: a plain one on a kept connection, a plain
 * one on a new connection, and one through a tunnel.
 */
export function startLoad({
  ports,
  clients,
  basicAuth,
  sitePort,
}: RequestLoadOptions): RequestLoad {
  const result: LoadResult = { answered: 0, refused: 0, reset: 0, failures: [] };
  let stopped = false;
  let number = 0;
  const authorization = `Basic ${Buffer.from(basicAuth).toString('base64')}`;

  const plain = async (port: number, path: string, agent: Agent | false) => {
    const outgoing = request({
      port,
      host: '127.0.0.1',
      path: `http://127.0.0.1:${sitePort}${path}`,
      headers: { 'Proxy-Authorization': authorization, Host: `127.0.0.1:${sitePort}` },
      agent,
    });
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    outgoing.on('error', reject);
    outgoing.on('response', async (response) => {
      try {
        const chunks: Buffer[] = [];
        for await (const chunk of response) chunks.push(chunk as Buffer);
        resolve(`${response.statusCode} ${Buffer.concat(chunks).toString('latin1')}`);
      } catch (error) {
        reject(error);
      }
    });
    outgoing.end();
    return expectAnswer(await promise, `200 GET ${path}`);
  };
  const tunnelled = async (port: number, path: string) => {
    const outgoing = request({
      port,
      host: '127.0.0.1',
      method: 'CONNECT',
      path: `127.0.0.1:${sitePort}`,
      headers: { 'Proxy-Authorization': authorization },
      agent: false,
    });
    const { promise, resolve, reject } = Promise.withResolvers<[IncomingMessage, Socket]>();
    outgoing.on('error', reject);
    outgoing.on('connect', (response, socket) => resolve([response, socket as Socket]));
    outgoing.end();
    const [{ statusCode }, socket] = await promise;
    if (statusCode !== 200) throw new Error(`answered ${statusCode}`);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    const text = await readToEnd(socket);
    return expectAnswer(text.slice(text.indexOf('\r\n\r\n') + 4), `GET ${path}`);
  };

  const client = async () => {
    // one agent per client and address
    const agents = ports.map(() => new Agent({ keepAlive: true, maxSockets: 1 }));
    const kinds = [
      (at: number, path: string) => plain(ports[at] ?? 0, path, agents[at] ?? false),
      (at: number, path: string) => plain(ports[at] ?? 0, path, false),
      (at: number, path: string) => tunnelled(ports[at] ?? 0, path),
    ];
    while (!stopped) {
      number += 1;
      const path = `/${number}`;
      const kind = number % kinds.length;
      const first = number % ports.length;
      for (let attempt = 0; attempt < ports.length; attempt += 1) {
        try {
          await kinds[kind]?.((first + attempt) % ports.length, path);
          result.answered += 1;
          break;
        } catch (error) {
          const failure = error as NodeJS.ErrnoException;
          const other = attempt + 1 < ports.length;
          if (other && failure.code === 'ECONNREFUSED') result.refused += 1;
          else if (other && isReset(failure)) result.reset += 1;
          else {
            result.failures.push(`kind ${kind}: ${failure.message}`);
            break;
          }
        }
      }
    }
    for (const agent of agents) agent.destroy();
  };
  const running = Promise.all(Array.from({ length: clients }, client));
  return {
    result,
    async stop() {
      stopped = true;
      await running;
      return result;
    },
  };
}

function expectAnswer(answer: string, expected: string): void {
  if (answer !== expected) throw new Error(`answered ${answer.slice(0, 200)}`);
}
