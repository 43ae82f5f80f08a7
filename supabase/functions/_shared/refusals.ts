// Generated from the migrations by `npm run types`: do not edit.

/** Each of the database's refusals by code, with its HTTP status and title. */
export const refusals = {
  invalid_request: [400, 'The request is not valid'],
  unauthorized: [401, 'A valid access token is required'],
  append_only: [403, 'These rows are append-only'],
  forbidden: [403, 'Only an admin may do this'],
  second_factor_required: [403, 'Admins of this project need a second factor'],
  tier_not_granted: [403, 'The tier is not granted to you'],
  not_found: [404, 'Not found'],
  user_not_found: [404, 'No such user exists'],
  webhook_not_found: [404, 'Not found'],
  already_done: [409, 'Already done'],
  email_not_confirmed: [409, 'The account has no confirmed e-mail address'],
  key_deleted: [409, 'The key is deleted'],
  key_expired: [409, 'The key has expired'],
  key_limit_reached: [409, "The tier's key limit is reached"],
  key_suspended: [409, 'The key is suspended'],
  webhook_disabled: [409, 'The webhook is disabled'],
  webhook_limit_reached: [409, 'The limit of ten webhooks is reached'],
  idempotency_mismatch: [422, 'The idempotency key was already used for another request'],
  rate_limited: [429, 'Too many requests of this kind'],
} as const;

/** The rule for each argument, by its name in SQL. */
export const argumentRules = {
  account_limit_bytes: 'A whole number of bytes from 0 to 9007199254740991, or null.',
  allowed_ips:
    'At most 50 IPv4 or IPv6 addresses or CIDR ranges without host bits: 203.0.113.0/24, not 203.0.113.7/24.',
  as_admin: 'Valid only for a single key: name the key.',
  bandwidth_limit_bytes: 'A whole number of bytes from 0 to 9007199254740991, or null.',
  by: 'Either host or site.',
  changes: 'An object with the fields to change.',
  code: 'A code has lowercase letters, digits and underscores, such as rate_limited.',
  cursor: 'Not a valid cursor: start without one.',
  deleted: 'Only true, and without other changes.',
  disabled: 'Either true or false.',
  expires_at: 'The expiry is an RFC 3339 time in the future, or null.',
  from: 'An RFC 3339 time of this century, at most 1,000 intervals before `to`, or 92 days for targets and outcomes.',
  grace_seconds: 'The grace period is a whole number of seconds from 0 to 30.',
  id: 'The id of a generic webhook: other kinds have no signing secret to rotate.',
  idempotency_key: 'An idempotency key has 1 to 255 visible ASCII characters.',
  ids: 'From 1 to 300 keys, each as a uuid or keyId.',
  interval: 'Either hour or day.',
  kind: 'One of webhook, slack, discord, pagerduty and, for users only, email.',
  label:
    'A label has 1 to 80 characters, not counting spaces at its ends; at least one is visible, and none controls text or its direction.',
  limit: 'A whole number from 1 to 200.',
  limits: 'An object of the limits to change.',
  live_mode: 'The mode is true (live) or false (test).',
  most: 'A whole number from 1 to 500.',
  page: 'A page within the newest 10,000 rows, without a cursor: to go further, use a cursor instead.',
  percents:
    'Up to five whole numbers from 10 to 100: an empty list for no alerts, null for the default.',
  period: 'A month as YYYY-MM: this month or up to 13 back, without `from` and `to`.',
  rate_limit: 'A whole number of CONNECTs per second from 1 to 1000000, or null.',
  reason:
    'A reason has 1 to 500 characters, not counting spaces at its ends; at least one is visible, and none controls text or its direction.',
  results: 'An array of at most 500 results.',
  routing_key: 'A PagerDuty integration key of 32 characters, for kind pagerduty only.',
  sort: 'For usage, one of bytes, requests and errors; for keys, one of created_at, label, last_used_at and used, with a leading minus for descending.',
  state:
    'One of active, quota_used_up, suspended, expired, owner_barred and deleted, or undeleted for all except deleted.',
  status_code: 'A whole number from 100 to 999.',
  target_host: 'A host has 1 to 255 characters.',
  test_limit_bytes: 'A whole number of bytes from 0 to 9007199254740991, or null.',
  tier: 'No such tier exists.',
  to: 'An RFC 3339 time of this century, later than `from`.',
  tunnel_limit: 'A whole number of open tunnels from 1 to 1000000, or null.',
  type: 'A type of alert, such as key.quota: docs/alerts.md lists them.',
  types:
    'At least one type of alert, such as key.quota, or null for all: docs/alerts.md lists them.',
  url: 'An https:// URL of at most 2,000 characters, without credentials or fragment: on any host for kind webhook, on hooks.slack.com for slack, on discord.com for discord; no URL for other kinds.',
  user: 'The id or the e-mail address of a user.',
} as const;
