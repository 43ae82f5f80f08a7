import type { Key } from '../../dashboard/src/data/key.ts';

/** A key as its owner reads it, with the given fields. */
export function aKey(fields: Partial<Key> = {}): Key {
  return {
    id: '01a2050a-ba19-7f07-8742-1ad30e30eecd',
    key_id: 'avp_live_64a231d7cae0',
    user_id: 'b8b5f2f3-9c3e-4d0c-8f7b-1a2b3c4d5e6f',
    label: 'prod-scraper',
    tier: 'developer',
    live_mode: true,
    bandwidth_used_this_period_bytes: 0,
    bandwidth_limit_bytes: 5_000_000_000,
    rate_limit: 10,
    tunnel_limit: 100,
    limit_overrides: {},
    active: true,
    allowed_ips: [],
    last_used_at: null,
    created_at: '2026-11-01T00:00:00+00:00',
    rotated_at: null,
    grace_ends_at: null,
    expires_at: null,
    suspended_at: null,
    suspended_reason: null,
    deleted_at: null,
    state: 'active',
    quota_used_up_by: null,
    ...fields,
  };
}
