import type { ClosingOrder } from '../keys/keys-in-use.ts';
import type { TrafficFigures } from '../metrics.ts';
import { Refusal, type RefusalCode, type RefusalOptions } from '../refusal.ts';
import type { Admission, KeyNames, RefusedRequest } from '../session.ts';
import type { UsageEvent } from '../usage/usage-event.ts';

/** A refusal as it crosses from the core to a worker. */
interface WireRefusal {
  code: RefusalCode;
  options: RefusalOptions;
}

/** Without a key, the caller has not proved to hold one. */
export interface WireAdmission {
  key: KeyNames | null;
  refusal: WireRefusal | null;
  mark: number;
}

/** What a worker calls in the core's process: see `Session`. */
export type CoreFunctions = {
  /** `secretHash` in base64. */
  admit(keyId: string, secretHash: string, address: string | undefined): Promise<WireAdmission>;
  opened(key: KeyNames, mark: number, setupMs: number): void;
  release(key: KeyNames): void;
  /** Bytes by `apiKeyId`. */
  charge(bytes: [apiKeyId: string, bytes: number][]): void;
  record(event: UsageEvent): Promise<void>;
  refuse(request: RefusedRequest): string | Promise<string>;
  dropped(reason: string): void;
  answered(code: string, statusCode: number): void;
  /** Also shows that the worker lives. */
  figures(figures: TrafficFigures): void;
};

/** Where a worker listens. */
export interface WorkerPorts {
  port: number;
  /** Undefined without TLS. */
  tlsPort?: number | undefined;
}

/** What the core's process calls in a worker. */
export type WorkerFunctions = {
  /** Listens on these ports, on any where they are 0. Gives which they are. */
  start(ports: WorkerPorts): Promise<WorkerPorts>;
  /** The database's clock minus the machine's monotonic one, in ms. */
  setClock(offsetMs: number): void;
  closeTunnels(keyId: string, order: WireClosingOrder): void;
  /** The metrics of the process, as prom-client's `getMetricsAsJSON` gives them. */
  processMetrics(): Promise<object>;
  /** Reads the certificate's files again. */
  reload(): void;
  leave(): void;
  /** Resolves when nothing is left of its traffic. */
  stop(drainMs: number): Promise<void>;
};

/** `outside` as Postgres writes ranges. */
export interface WireClosingOrder {
  reason: string;
  outside?: string[];
}

export function toWire({ key, refusal, mark }: Admission): WireAdmission {
  return { key, mark, refusal: refusal && { code: refusal.code, options: refusal.options } };
}

/** What a call of `admit` gave, or what it threw. */
export function fromWire({ key, refusal, mark }: WireAdmission): Admission {
  const made = refusal && new Refusal(refusal.code, refusal.options);
  if (key) return { key, mark, refusal: made };
  throw made ?? new Error('an admission without a key says why');
}

export function orderToWire({ reason, outside }: ClosingOrder): WireClosingOrder {
  const ranges = outside?.map(([network, prefixLength]) => `${network}/${prefixLength}`);
  return ranges ? { reason, outside: ranges } : { reason };
}
