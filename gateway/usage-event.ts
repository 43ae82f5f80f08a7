import { v7 as uuidV7 } from 'uuid';

/**
 * One CONNECT, or a slice of a long one, as `gateway.record_usage` takes it. An event is told from
 * another by `eventId` and `occurredAt`: a repeat must carry both unchanged.
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
  /** What the client was answered; 200 for a tunnel. */
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
}

/** A new id for an event or a tunnel. */
export function newEventId(): string {
  return uuidV7();
}
