import type { Client } from './keys/client-ranges.ts';
import type { Credentials } from './keys/credentials.ts';
import type { KeyRecord } from './keys/key-lookup.ts';
import type { OwnKey } from './own-key.ts';
import type { FailureCode, Refusal } from './refusal.ts';
import type { UsageEvent } from './usage/usage-event.ts';

/** A key's names: `id` for the database, `keyId` for everyone else. */
export type KeyNames = Pick<KeyRecord, 'id' | 'keyId'>;

/** The key that a request has proved to hold, and why it is refused nevertheless, if so. */
export interface Verdict {
  key: KeyNames;
  /** Null for a request that is allowed. */
  refusal: Refusal | null;
}

/** For a target: an allowed request counts as a tunnel of its key until it is released. */
export interface Admission extends Verdict {
  /** For `opened`, if the request is allowed. */
  mark: number;
}

/** For a request about the key itself. */
export interface Description extends Verdict {
  /** Null for a request that is refused. */
  state: OwnKey | null;
}

/** A key's request that was refused, failed, or was abandoned by its client. */
export interface RefusedRequest {
  /** The id of its event, unless it is counted in an earlier one. */
  id: string;
  apiKeyId: string;
  code: FailureCode;
  statusCode: number;
  method: string;
  targetHost: string;
  durationMs: number;
}

/**
 * What traffic asks of its gateway's core, which keeps keys, limits and usage: directly within one
 * process, or over a channel from a worker.
 */
export interface Session {
  /** The database's clock, in ms since 1970. */
  clock(): number;
  /**
   * Judges a request. Rejects with a `Refusal` if the caller has not proved to hold a key, or if
   * the core cannot judge or record the request.
   */
  admit(credentials: Credentials, client: Client): Promise<Admission>;
  /** Describes a key to its holder. Judges and rejects like `admit`, except for used-up limits. */
  describe(credentials: Credentials, client: Client): Promise<Description>;
  /** The target of an admitted request is connected; from here on its tunnel can be closed. */
  opened(admission: Admission, setupMs: number): void;
  /** An admitted request has ended, whether it was opened or not. */
  release(key: KeyNames): void;
  /** Counts the bytes that moved for a key since the last call. */
  charge(apiKeyId: string, bytes: number): void;
  /** Takes an event; resolves when it is on disk. */
  record(event: UsageEvent): Promise<void>;
  /** Records a refusal. Returns the id of the event that counts it. */
  refuse(request: RefusedRequest): string | Promise<string>;
  /** Counts a connection that ended before a request could be read from it. */
  dropped(reason: string): void;
  /** Counts an answer of the gateway's own. */
  answered(code: string, statusCode: number): void;
}
