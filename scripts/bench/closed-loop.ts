import { Agent, request } from 'node:http';

/** A request to the stack, and the status that a success of it has. */
export interface Call {
  method: string;
  path: string;
  token: string;
  body?: unknown;
  headers?: Record<string, string>;
  expect: number;
}

/** Sends requests over a fixed number of connections that are kept open. */
export interface ClosedLoop {
  /** Sends all calls, each connection its next as soon as its last is answered; returns each time. */
  run(calls: Call[]): Promise<number[]>;
  close(): void;
}

/** Opens a closed loop of `connections` connections to `url`. */
export function openClosedLoop(url: string, connections: number): ClosedLoop {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  return {
    async run(calls) {
      const durations: number[] = [];
      const waiting = calls.values();
      const client = async () => {
        for (const call of waiting) durations.push(await send(agent, url, call));
      };
      await Promise.all(Array.from({ length: connections }, client));
      return durations;
    },
    close: () => agent.destroy(),
  };
}

function send(agent: Agent, url: string, call: Call): Promise<number> {
  const body = call.body === undefined ? undefined : JSON.stringify(call.body);
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    const outgoing = request(url + call.path, {
      agent,
      method: call.method,
      headers: {
        Authorization: `Bearer ${call.token}`,
        ...call.headers,
        ...(body === undefined
          ? {}
          : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }),
      },
    });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      let answer = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        answer += text;
      });
      response.on('error', reject);
      response.on('end', () => {
        const took = performance.now() - begun;
        if (response.statusCode === call.expect) return resolve(took);
        // what was measured was not the thing to measure
        const status = `${response.statusCode} instead of ${call.expect}`;
        reject(new Error(`${call.method} ${call.path} answered ${status}: ${answer}`));
      });
    });
    outgoing.end(body);
  });
}
