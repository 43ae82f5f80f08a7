// Generated from the migrations by `npm run types`: do not edit.

/** Each refusal of the database by its code: its HTTP status and its title. */
export const refusals = {
  invalid_request: [400, 'The request is not valid'],
  unauthorized: [401, 'A valid access token is needed'],
  append_only: [403, 'These rows are kept'],
  forbidden: [403, 'Only an admin may do this'],
  second_factor_required: [403, 'Admins of this project need a second factor'],
  tier_not_granted: [403, 'The tier is not granted'],
  not_found: [404, 'Not found'],
  user_not_found: [404, 'No such user exists'],
  webhook_not_found: [404, 'Not found'],
  already_done: [409, 'Done already'],
  email_not_confirmed: [409, 'The account has no confirmed e-mail address'],
  key_deleted: [409, 'The key is deleted'],
  key_expired: [409, 'The key has expired'],
  key_limit_reached: [409, "The tier's number of keys is reached"],
  key_suspended: [409, 'The key is suspended'],
  webhook_disabled: [409, 'The webhook is disabled'],
  webhook_limit_reached: [409, 'Ten webhooks are the most'],
  idempotency_mismatch: [422, 'The idempotency key was used for another request'],
  rate_limited: [429, 'Too many requests of this kind'],
} as const;

/** What an argument may be, by its name in SQL. */
export const argumentRules = {
  account_limit_bytes: 'A whole number of bytes from 0 to 9007199254740991, or null.',
  allowed_ips:
    'At most 50 IPv4 or IPv6 addresses or CIDR ranges, with no bits behind the mask: 203.0.113.0/24, not 203.0.113.7/24.',
  bandwidth_limit_bytes: 'A whole number of bytes from 0 to 9007199254740991, or null.',
  by: 'Either host or site.',
  changes: 'An object of the fields to change.',
  code: 'A code has lower-case letters, digits and underscores, such as rate_limited.',
  cursor: 'Not a cursor: begin without one.',
  deleted: 'True, and nothing else with it.',
  disabled: 'Either true or false.',
  expires_at: 'An expiry is an RFC 3339 time to come, or null.',
  from: 'An RFC 3339 time of this century, at most 1,000 intervals before `to`, 92 days of targets or outcomes.',
  grace_seconds: 'A grace is a whole number of seconds from 0 to 30.',
  id: 'That of a generic webhook, where its signing secret is rotated: other kinds have none.',
  idempotency_key: 'An idempotency key has 1 to 255 visible ASCII characters.',
  ids: 'From 1 to 300 keys, each by its uuid or keyId.',
  interval: 'Either hour or day.',
  kind: 'One of webhook, slack, discord, pagerduty and email, which is for users alone.',
  label:
    'A label has 1 to 80 characters, not counting space at its ends; some can be seen, and none controls text or its direction.',
  limit: 'A whole number from 1 to 200.',
  limits: 'An object of the limits to change.',
  live_mode: 'The mode is either true or false.',
  most: 'A whole number from 1 to 500.',
  page: 'A page among the newest 10,000 rows, without a cursor: use the cursor of a page to go further.',
  percents: 'Up to five whole numbers from 10 to 100; none for no alerts, null for the default.',
  period: 'A month as YYYY-MM, this one or up to 13 back, without `from` and `to`.',
  rate_limit: 'A whole number of CONNECTs per second from 1 to 1000000, or null.',
  reason:
    'A reason has 1 to 500 characters, not counting space at its ends; some can be seen, and none controls text or its direction.',
  results: 'An array of at most 500 results.',
  routing_key: "The 32 characters of an integration key of PagerDuty's; none for other kinds.",
  sort: 'Of usage one of bytes, requests and errors; of keys one of created_at, label, last_used_at and used, with a minus before it for descending.',
  state:
    'One of active, quota_used_up, suspended, expired, owner_barred and deleted, or undeleted for all but deleted.',
  status_code: 'A whole number from 100 to 999.',
  target_host: 'A host has 1 to 255 characters.',
  test_limit_bytes: 'A whole number of bytes from 0 to 9007199254740991, or null.',
  tier: 'No such tier exists.',
  to: 'An RFC 3339 time of this century, later than `from`.',
  tunnel_limit: 'A whole number of open tunnels from 1 to 1000000, or null.',
  type: 'A type of alert, such as key.quota: docs/alerts.md lists them.',
  types:
    'At least one type of alert, such as key.quota, or null for all: docs/alerts.md lists them.',
  url: 'An https:// URL of at most 2,000 characters, without user or fragment: of any host for kind webhook, of hooks.slack.com for slack, of discord.com for discord; none for other kinds.',
  user: 'The id or the e-mail address of a user.',
} as const;
