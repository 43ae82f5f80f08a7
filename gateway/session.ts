import type { Client } from './keys/client-ranges.ts';
import type { Credentials } from './keys/credentials.ts';
import type { KeyRecord } from './keys/key-lookup.ts';
import type { OwnKey } from './own-key.ts';
import type { FailureCode, Refusal } from './refusal.ts';
import type { UsageEvent } from './usage/usage-event.ts';

/** How a key is named: to the database, and to everybody else. */
export type KeyNames = Pick<KeyRecord, 'id' | 'keyId'>;

/** The key that proved itself, and why it may not go on all the same, if so. */
export interface Verdict {
  key: KeyNames;
  /** Null for a request that may go on. */
  refusal: Refusal | null;
}

/** Of a request for a target: one that may go on counts as a tunnel of its key until it is released. */
export interface Admission extends Verdict {
  /** Of a request that may go on, for `opened`. */
  mark: number;
}

/** Of a request about the key itself. */
export interface Description extends Verdict {
  /** Null for a request that is refused. */
  state: OwnKey | null;
}

/** A request of a key that was refused, failed, or was left by its client. */
export interface RefusedRequest {
  /** The id of its event, unless it is counted in another. */
  id: string;
  apiKeyId: string;
  code: FailureCode;
  statusCode: number;
  method: string;
  targetHost: string;
  durationMs: number;
}

/**
 * What traffic asks of the core of its gateway, which keeps keys, limits and usage: directly in one
 * process, and over a channel from a worker.
 */
export interface Session {
  /** The database's clock, in ms since 1970. */
  clock(): number;
  /**
   * Judges a request. Rejects with a `Refusal` while the caller has not proved to hold a key, or where
   * the core cannot judge it or could not record it.
   */
  admit(credentials: Credentials, client: Client): Promise<Admission>;
  /** Says what a key may know of itself. Judges and rejects as `admit`, but for what is used up. */
  describe(credentials: Credentials, client: Client): Promise<Description>;
  /** An admitted request's target is connected, and its tunnel can be closed from here on. */
  opened(admission: Admission, setupMs: number): void;
  /** An admitted request is over, whether it was opened or not. */
  release(key: KeyNames): void;
  /** Bytes moved for a key since the last call. */
  charge(apiKeyId: string, bytes: number): void;
  /** Takes an event; resolves when it is on disk. */
  record(event: UsageEvent): Promise<void>;
  /** Records a refusal. Gives the id of the event that it is in. */
  refuse(request: RefusedRequest): string | Promise<string>;
  /** Counts a connection that ended before a request could be read from it. */
  dropped(reason: string): void;
  /** Counts an answer of the gateway's own. */
  answered(code: string, statusCode: number): void;
}
