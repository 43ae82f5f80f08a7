import type { UsageEvent } from '../data/key.ts';

/** A duration: “50 ms”, “1.2 s”, “3 min 20 s”, “2 h 5 min”. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${milliseconds} ms`;
  // a value that rounds up to 60 s is shown in minutes
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
  client_closed_request: 'client disconnected',
  internal: 'gateway error',
  key_suspended: 'key suspended',
  malformed_request: 'malformed request',
  port_forbidden: 'port forbidden',
  quota_exceeded: 'quota used up',
  rate_limited: 'rate limited',
  target_forbidden: 'target forbidden',
  target_response_invalid: 'invalid response',
  target_timeout: 'target timed out',
  target_unreachable: 'target unreachable',
  tunnel_limit_reached: 'too many connections',
  unavailable: 'unavailable',
};

/**
 * The event's result in a few words: the code's, or that a tunnel was opened. Undefined for an unknown
 * code, and for a plain request that was served, because its status is the target's own.
 */
export function statusWords(event: Pick<UsageEvent, 'method' | 'code'>): string | undefined {
  if (event.code === null) return event.method === 'CONNECT' ? 'connected' : undefined;
  return Object.hasOwn(codes, event.code) ? codes[event.code] : undefined;
}
