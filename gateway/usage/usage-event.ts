import { randomFillSync } from 'node:crypto';
import { v7 as uuidV7 } from 'uuid';

/**
 * One CONNECT or plain request, a slice of a long tunnel, or refusals of one kind, as
 * `gateway.record_usage` takes it. An event is known by `eventId` and `occurredAt`: a repeat must carry
 * both unchanged.
 */
export interface UsageEvent {
  /** A uuid v7. */
  eventId: string;
  apiKeyId: string;
  /** When what the event counts began: RFC 3339, UTC. */
  occurredAt: string;
  targetHost: string;
  /** `CONNECT`, or the method of a plain request. */
  method: string;
  /** What the client was answered, 100 to 999; 200 for a tunnel. */
  statusCode: number;
  /** Client to target. */
  bytesSent: number;
  /** Target to client. */
  bytesReceived: number;
  durationMs: number;
  servedByNodeId: string;
  /** Shared by the slices of one tunnel. */
  tunnelId?: string;
  /** 0, 1, 2 …: only slice 0 counts as a CONNECT. */
  slice?: number;
  /**
   * Why the gateway refused, or what failed, as its answer says; absent for what it served. With a code
   * other than that of an attempt that failed, and without bytes, an event is no request.
   */
  code?: string;
  /** How many refusals of the same key and code this event stands for, 1 to 1,000,000; 1 by default. */
  count?: number;
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
