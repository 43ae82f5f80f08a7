import type { KeyEntry } from '../../../gateway/keys/key-cache.ts';
import type { KeyAccount } from '../../../gateway/keys/key-lookup.ts';
import { QuotaLedger } from '../../../gateway/limits/quota-ledger.ts';
import type { UsageEvent } from '../../../gateway/usage/usage-event.ts';

/** The key of these scenes. */
export const apiKeyId = 'a key';
/** Bytes recorded within this time, in ms, share one mark. */
export const markMs = 1_000;

/** A lookup that started at `askedAt`, with the key's used bytes. */
export function entry(
  askedAt: number,
  bandwidthUsedBytes: number,
  id = apiKeyId,
  account: KeyAccount | null = null,
): KeyEntry {
  return {
    askedAt,
    record: {
      id,
      keyId: 'avp_live_0123456789ab',
      secretHash: Buffer.alloc(32),
      active: true,
      suspended: false,
      rateLimit: 10,
      tunnelLimit: 100,
      bandwidthLimitBytes: 1_000,
      bandwidthUsedBytes,
      allowedIps: [],
      expiresInMs: null,
      previousHash: null,
      previousEndsInMs: null,
      account,
    },
  };
}

/** An event that reports these bytes of a row, `before` of which were reported before. */
export function event(bytes: number, before?: number): UsageEvent {
  const { sent: bytesSent, received: bytesReceived } = inBothDirections(bytes);
  return {
    eventId: 'an event',
    apiKeyId,
    occurredAt: '2026-01-01T00:00:00Z',
    targetHost: 'example.com',
    method: 'CONNECT',
    statusCode: 200,
    bytesSent,
    bytesReceived,
    durationMs: 1,
    servedByNodeId: 'node',
    ...(before !== undefined && { reported: inBothDirections(before) }),
  };
}

function inBothDirections(bytes: number) {
  const sent = Math.floor(bytes / 3);
  return { sent, received: bytes - sent };
}

/** A ledger whose clock the test controls. */
export function scene(begin = 0) {
  const clock = { now: begin };
  return { clock, ledger: new QuotaLedger(() => clock.now) };
}
