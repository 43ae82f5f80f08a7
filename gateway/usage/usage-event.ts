import { randomFillSync } from 'node:crypto';
import { v7 as uuidV7 } from 'uuid';

/**
 * One CONNECT or plain request in one hour, or refusals of one kind, as `gateway.record_usage` takes it. A
 * row is known by `apiKeyId`, `eventId` and `occurredAt`; of its reports, which carry all three unchanged,
 * the one with the highest figures counts.
 */
export interface UsageEvent {
  /** A uuid v7. */
  eventId: string;
  apiKeyId: string;
  /** When the request began, or the hour of a tunnel that goes on: RFC 3339, UTC. */
  occurredAt: string;
  targetHost: string;
  /** The end of `targetHost` that somebody registered; absent where it has none. */
  targetSite?: string;
  /** `CONNECT`, or the method of a plain request. */
  method: string;
  /** What the client was answered, 100 to 999; 200 for a tunnel. */
  statusCode: number;
  /** Client to target, in that hour so far. */
  bytesSent: number;
  /** Target to client. */
  bytesReceived: number;
  durationMs: number;
  servedByNodeId: string;
  /**
   * Why the gateway refused, or what failed, as its answer says; absent for what it served. With a code
   * other than that of an attempt that failed, and without bytes, an event is no request.
   */
  code?: string;
  /**
   * How many requests or refusals it stands for, up to 1,000,000; 1 by default, 0 for a tunnel that goes
   * on from an earlier hour.
   */
  count?: number;
  /** What the report before said of the same row. The database does not need it. */
  reported?: { sent: number; received: number };
}

/** The bytes that no report before has said. */
export function newBytes({ bytesSent, bytesReceived, reported }: UsageEvent): {
  sent: number;
  received: number;
} {
  return {
    sent: bytesSent - (reported?.sent ?? 0),
    received: bytesReceived - (reported?.received ?? 0),
  };
}

// asking for 16 random bytes at a time takes longer than all the rest of an id
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
