import { Pool } from 'undici';

/** A request to the stack, and the status that it succeeds with. */
export interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  token: string;
  body?: unknown;
  headers?: Record<string, string>;
  expect: number;
}

/** Sends requests over a fixed number of keep-alive connections. */
export interface ClosedLoop {
  /** Sends all calls, the next on each connection as soon as the last is answered; returns their durations. */
  run(calls: Call[]): Promise<number[]>;
  close(): Promise<void>;
}

/** Opens a closed loop of `connections` connections to `url`. */
export function openClosedLoop(url: string, connections: number): ClosedLoop {
  const pool = new Pool(url, { connections });
  return {
    async run(calls) {
      const durations: number[] = [];
      const waiting = calls.values();
      const client = async () => {
        for (const call of waiting) durations.push(await send(pool, call));
      };
      await Promise.all(Array.from({ length: connections }, client));
      return durations;
    },
    close: () => pool.destroy(),
  };
}

async function send(pool: Pool, call: Call): Promise<number> {
  const { method, path, token, body, headers, expect } = call;
  const json = body === undefined ? null : JSON.stringify(body);
  const startedAt = performance.now();
  const answer = await pool.request({
    method,
    path,
    headers: {
      Authorization: `Bearer ${token}`,
      ...headers,
      ...(json === null ? {} : { 'Content-Type': 'application/json' }),
    },
    body: json,
  });
  const text = await answer.body.text();
  const took = performance.now() - startedAt;
  if (answer.statusCode === expect) return took;
  // the measurement would be meaningless
  throw new Error(`${method} ${path} returned ${answer.statusCode} instead of ${expect}: ${text}`);
}
