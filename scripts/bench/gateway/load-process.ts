import { fileURLToPath } from 'node:url';
import { type Program, startProcess } from './measured-process.ts';

/** A proxy, and how to ask it for a tunnel. */
interface Way {
  proxyPort: number;
  /** A CONNECT to the load's own target. */
  request: string;
  /** How many at once. */
  connections: number;
}

/** CONNECTs, each closed once it is answered, until `count` were sent or `milliseconds` have passed. */
export type ConnectLoad = Way & { count?: number; milliseconds?: number };

/** What came of CONNECTs. */
export interface ConnectResult {
  elapsedMs: number;
  /** From the start of each TCP connection to the answer, in ms. */
  setUps: number[];
}

/** Bytes through tunnels that are open before. */
export type TransferLoad = Way & {
  direction: 'download' | 'upload';
  /** Over all tunnels together. */
  bytes: number;
};

/** What a load is asked for over its channel. */
export type LoadOrder =
  | { targetPort: true }
  | { connects: ConnectLoad }
  | { transfer: TransferLoad };

/** A process that sends load to proxies and is their target. Each call rejects where a proxy refuses. */
export interface LoadProcess extends Program {
  targetPort: number;
  connects(load: ConnectLoad): Promise<ConnectResult>;
  /** Resolves with how long it took, in ms. */
  transfer(load: TransferLoad): Promise<number>;
}

/** Starts a load. */
export async function startLoad(): Promise<LoadProcess> {
  const load = startProcess(fileURLToPath(new URL('./load.ts', import.meta.url)));
  const ask = (order: LoadOrder) => load.ask(order);
  return {
    ...load,
    targetPort: (await ask({ targetPort: true })) as number,
    connects: async (asked) => (await ask({ connects: asked })) as ConnectResult,
    transfer: async (asked) => (await ask({ transfer: asked })) as number,
  };
}
