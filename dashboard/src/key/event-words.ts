import type { UsageEvent } from '../data/key.ts';

/** How long something took: “50 ms”, “1.2 s”, “3 min 20 s”, “2 h 5 min”. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${milliseconds} ms`;
  // what would be rounded up to 60 belongs to the minutes
  if (milliseconds < 59_950) return `${(milliseconds / 1_000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1_000);
  if (seconds < 3_600) return joined(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.round(seconds / 60);
  return joined(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
}

function joined(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

const codes: Record<string, string> = {
  account_quota_exceeded: 'shared quota used up',
  address_forbidden: 'client not allowed',
  client_closed_request: 'client left',
  internal: 'gateway failed',
  key_suspended: 'key suspended',
  malformed_request: 'malformed',
  port_forbidden: 'port forbidden',
  quota_exceeded: 'quota used up',
  rate_limited: 'rate limited',
  target_forbidden: 'target forbidden',
  target_response_invalid: 'invalid answer',
  target_timeout: 'target too slow',
  target_unreachable: 'target unreachable',
  tunnel_limit_reached: 'too many open',
  unavailable: 'unavailable',
};

/**
 * What became of it, in a word or two: of a code, or that a tunnel was made. Undefined for a code without
 * words, and for a plain request that was served: its status is the target's own.
 */
export function statusWords(event: Pick<UsageEvent, 'method' | 'code'>): string | undefined {
  if (event.code === null) return event.method === 'CONNECT' ? 'connected' : undefined;
  return Object.hasOwn(codes, event.code) ? codes[event.code] : undefined;
}
