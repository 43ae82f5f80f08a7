import type { Client } from '../keys/client-ranges.ts';
import type { Credentials } from '../keys/credentials.ts';
import type { ClosingOrder } from '../keys/keys-in-use.ts';
import type { TrafficFigures } from '../metrics.ts';
import { Refusal, type RefusalCode, type RefusalOptions } from '../refusal.ts';
import type { Admission, Description, KeyNames, RefusedRequest, Verdict } from '../session.ts';
import type { UsageEvent } from '../usage/usage-event.ts';

/** A refusal as it is sent from the core to a worker. */
interface WireRefusal {
  code: RefusalCode;
  options: RefusalOptions;
}

/** The core's verdict, or a refusal if the caller has not proved to hold a key. */
export type WireVerdict<Judged extends Verdict> =
  | (Omit<Judged, 'refusal'> & { refusal: WireRefusal | null })
  | { key: null; refusal: WireRefusal };

/** `secretHash` in base64, and the client's address. */
export type WireCredentials = [keyId: string, secretHash: string, address: string | undefined];

/** The functions that a worker calls in the core's process: see `Session`. */
export type CoreFunctions = {
  admit(...asked: WireCredentials): Promise<WireVerdict<Admission>>;
  describe(...asked: WireCredentials): Promise<WireVerdict<Description>>;
  opened(key: KeyNames, mark: number, setupMs: number): void;
  release(key: KeyNames): void;
  /** Bytes by `apiKeyId`. */
  charge(bytes: [apiKeyId: string, bytes: number][]): void;
  record(event: UsageEvent): Promise<void>;
  refuse(request: RefusedRequest): string | Promise<string>;
  dropped(reason: string): void;
  answered(code: string, statusCode: number): void;
  /** Also shows that the worker is alive. */
  figures(figures: TrafficFigures): void;
};

/** Where a worker listens. */
export interface WorkerPorts {
  port: number;
  /** Undefined without TLS. */
  tlsPort?: number | undefined;
}

/** The functions that the core's process calls in a worker. */
export type WorkerFunctions = {
  /** Listens on these ports, or on any free port for 0. Returns the ports. */
  start(ports: WorkerPorts): Promise<WorkerPorts>;
  /** The database's clock minus the machine's monotonic one, in ms. */
  setClock(offsetMs: number): void;
  closeTunnels(keyId: string, order: WireClosingOrder): void;
  /** The metrics of the process: the result of prom-client's `getMetricsAsJSON`. */
  processMetrics(): Promise<object>;
  /** Reads the certificate files again. */
  reload(): void;
  leave(): void;
  /** Resolves when its traffic has ended. */
  stop(drainMs: number): Promise<void>;
};

/** `outside` as Postgres writes ranges. */
export interface WireClosingOrder {
  reason: string;
  outside?: string[];
}

/** The verdict, or the refusal that was thrown. Rejects with any other error. */
export async function toWire<Judged extends Verdict>(
  judging: Promise<Judged>,
): Promise<WireVerdict<Judged>> {
  try {
    const judged = await judging;
    return { ...judged, refusal: judged.refusal && refusalToWire(judged.refusal) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { key: null, refusal: refusalToWire(error) };
  }
}

/** The reverse: returns the verdict, or throws the refusal. */
export function fromWire<Judged extends Verdict>(wire: WireVerdict<Judged>): Judged {
  const refusal = wire.refusal && new Refusal(wire.refusal.code, wire.refusal.options);
  if (wire.key === null) throw refusal;
  return { ...wire, refusal } as Judged;
}

function refusalToWire({ code, options }: Refusal): WireRefusal {
  return { code, options };
}

/** As `CoreFunctions` take them. */
export function credentialsToWire(
  { keyId, secretHash }: Credentials,
  { remoteAddress }: Client,
): WireCredentials {
  return [keyId, secretHash.toString('base64'), remoteAddress];
}

/** As `Session` takes them. */
export function credentialsFromWire(
  ...[keyId, secretHash, remoteAddress]: WireCredentials
): [Credentials, Client] {
  return [{ keyId, secretHash: Buffer.from(secretHash, 'base64') }, { remoteAddress }];
}

export function orderToWire({ reason, outside }: ClosingOrder): WireClosingOrder {
  const ranges = outside?.map(([network, prefixLength]) => `${network}/${prefixLength}`);
  return ranges ? { reason, outside: ranges } : { reason };
}
