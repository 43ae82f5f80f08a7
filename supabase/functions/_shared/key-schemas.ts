import { z } from 'zod';
import { isStorable } from './storable-text.ts';

/** A time as the database writes it, as RFC 3339 in UTC. */
const time = z.string().transform((text) => new Date(text).toISOString());
const byteCount = z.number().int().nonnegative();
const text = z.string().refine(isStorable, 'This text has a character that is not allowed.');

/** `minted_proxy_key` as the API answers it: the one place where a secret passes. */
export const mintedKey = z
  .object({
    id: z.uuid(),
    key_id: z.string(),
    secret: z.string(),
    basic_auth: z.string(),
    label: z.string(),
    tier: z.string(),
    live_mode: z.boolean(),
    bandwidth_limit_bytes: byteCount,
    rate_limit: z.number().int(),
    active: z.boolean(),
    created_at: time,
    rotated_at: time.nullable(),
  })
  .transform((row) => ({
    id: row.id,
    keyId: row.key_id,
    secret: row.secret,
    basicAuth: row.basic_auth,
    label: row.label,
    tier: row.tier,
    liveMode: row.live_mode,
    bandwidthLimitBytes: row.bandwidth_limit_bytes,
    rateLimit: row.rate_limit,
    active: row.active,
    createdAt: row.created_at,
    rotatedAt: row.rotated_at,
  }));

/** A row of `proxy_key_summaries` as the API answers it. */
export const keySummary = z
  .object({
    id: z.uuid(),
    key_id: z.string(),
    label: z.string(),
    tier: z.string(),
    live_mode: z.boolean(),
    bandwidth_used_this_period_bytes: byteCount,
    bandwidth_limit_bytes: byteCount,
    rate_limit: z.number().int(),
    active: z.boolean(),
    last_used_at: time.nullable(),
    created_at: time,
  })
  .transform((row) => ({
    id: row.id,
    keyId: row.key_id,
    label: row.label,
    tier: row.tier,
    liveMode: row.live_mode,
    bandwidthUsedThisPeriodBytes: row.bandwidth_used_this_period_bytes,
    bandwidthLimitBytes: row.bandwidth_limit_bytes,
    rateLimit: row.rate_limit,
    active: row.active,
    lastUsedAt: row.last_used_at,
    createdAt: row.created_at,
  }));

/** `proxy_usage_totals` as the API answers it. */
export const usageSummary = z
  .object({
    total_bandwidth_bytes: byteCount,
    total_requests: z.number().int().nonnegative(),
    active_keys: z.number().int().nonnegative(),
    tier_breakdown: z.record(z.string(), z.number().int()),
  })
  .transform((row) => ({
    totalBandwidthBytes: row.total_bandwidth_bytes,
    totalRequests: row.total_requests,
    activeKeys: row.active_keys,
    tierBreakdown: row.tier_breakdown,
  }));

/** The body of `POST /api/v1/proxy/keys`: types alone, as the rules are the database's. */
export const mintBody = z.strictObject({
  label: text,
  tier: text.optional(),
  liveMode: z.boolean().optional(),
});
