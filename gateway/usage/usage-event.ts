import { randomFillSync } from 'node:crypto';
import { v7 as uuidV7 } from 'uuid';

/**
 * One CONNECT or plain request in one hour, or refusals of one kind, as `gateway.record_usage`
 * takes it. A row is identified by `apiKeyId`, `eventId` and `occurredAt`, which all its reports
 * carry unchanged; the report with the highest figures counts.
 */
export interface UsageEvent {
  /** A uuid v7. */
  eventId: string;
  apiKeyId: string;
  /** When the request started, or the later hour of a long tunnel: RFC 3339, UTC. */
  occurredAt: string;
  targetHost: string;
  /** The registrable domain of `targetHost`; absent if it has none. */
  targetSite?: string;
  /** `CONNECT`, or the method of a plain request. */
  method: string;
  /** The status that the client got, 100 to 999; 200 for a tunnel. */
  statusCode: number;
  /** Client to target, in that hour so far. */
  bytesSent: number;
  /** Target to client. */
  bytesReceived: number;
  durationMs: number;
  servedByNodeId: string;
  /**
   * Why the gateway refused, or what failed, as in its answer; absent for a served request. With a
   * code other than that of a failed attempt, and without bytes, an event does not count as a
   * request.
   */
  code?: string;
  /**
   * How many requests or refusals it stands for, up to 1,000,000; 1 by default, 0 for a tunnel that
   * continues from an earlier hour.
   */
  count?: number;
  /** The figures of the row's previous report. The database does not need them. */
  reported?: { sent: number; received: number };
}

/** The bytes that no earlier report of the row had. */
export function newBytes({ bytesSent, bytesReceived, reported }: UsageEvent): {
  sent: number;
  received: number;
} {
  return {
    sent: bytesSent - (reported?.sent ?? 0),
    received: bytesReceived - (reported?.received ?? 0),
  };
}

// getting 16 random bytes at a time takes longer than the rest of an id
const random = new Uint8Array(16 * 256);
let used = random.length;

/** A new id for an event. */
export function newEventId(): string {
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  const id = uuidV7({ random: random.subarray(used, used + 16) });
  used += 16;
  return id;
}
