import { STATUS_CODES } from 'node:http';

/** The proxy error types of RFC 9209. */
type ProxyError =
  | 'connection_limit_reached'
  | 'connection_read_timeout'
  | 'connection_refused'
  | 'connection_terminated'
  | 'connection_timeout'
  | 'destination_ip_prohibited'
  | 'destination_unavailable'
  | 'dns_error'
  | 'dns_timeout'
  | 'http_protocol_error'
  | 'http_request_denied'
  | 'http_request_error'
  | 'http_response_header_section_size'
  | 'http_response_incomplete'
  | 'proxy_internal_error';

/** Every answer of the gateway's own, in the order of the table in docs/traffic.md. */
const refusals = {
  malformed_request: [
    400,
    'http_request_error',
    'the request is not CONNECT host:port, an absolute http:// URL or GET /key',
  ],
  quota_exceeded: [402, 'http_request_denied', "this key's bandwidth for this month is used up"],
  account_quota_exceeded: [
    402,
    'http_request_denied',
    'the bandwidth that all keys of this tier share is used up for this month',
  ],
  port_forbidden: [
    403,
    'destination_ip_prohibited',
    'only ports 80, 443, 8080 and 8443 are allowed',
  ],
  target_forbidden: [403, 'destination_ip_prohibited', 'this target is not allowed'],
  key_suspended: [403, 'http_request_denied', 'this key is suspended: ask the operator'],
  address_forbidden: [403, 'http_request_denied', 'this key may not be used from this address'],
  method_not_allowed: [405, 'http_request_denied', '/key allows only GET and HEAD'],
  credentials_required: [
    407,
    'http_request_denied',
    'send keyId:secret of an active key as Basic proxy credentials',
  ],
  request_timeout: [408, 'http_request_error', 'the head of the request did not arrive in time'],
  rate_limited: [429, 'http_request_denied', 'too many CONNECTs per second for this key'],
  tunnel_limit_reached: [429, 'http_request_denied', 'too many open tunnels for this key'],
  head_too_large: [431, 'http_request_error', 'the head of the request is over 64 KiB'],
  internal: [500, 'proxy_internal_error', 'the gateway failed, and has logged the cause'],
  not_implemented: [
    501,
    'http_request_denied',
    'Max-Forwards is 0, and the gateway does not answer such requests itself',
  ],
  target_unreachable: [502, 'destination_unavailable', 'the target cannot be reached'],
  target_response_invalid: [
    502,
    'http_protocol_error',
    "the target's answer is not HTTP, or its head is over 64 KiB",
  ],
  unavailable: [503, 'proxy_internal_error', 'the gateway cannot serve this now: try again'],
  target_timeout: [504, 'connection_timeout', 'no connection to the target within 15 seconds'],
} as const satisfies Record<string, readonly [status: number, error: ProxyError, sentence: string]>;

/** Replaces 407 if the gateway is itself the site that is asked, not a proxy to it. */
const unauthorized = [
  401,
  'http_request_denied',
  'send keyId:secret of an active key as Basic credentials',
] as const;

export type RefusalCode = keyof typeof refusals;

/** Why a request was not served: it was refused, it failed, or its client left. */
export type FailureCode = RefusalCode | 'client_closed_request';

export const refusalCodes = Object.keys(refusals) as RefusalCode[];

export interface RefusalOptions {
  retryAfterSeconds?: number;
  /** A more precise cause than the code's own. */
  error?: ProxyError;
  /** Whether missing or wrong credentials are refused with 401, as a site does. */
  asSite?: boolean;
}

const challenge = 'Basic realm="proxy keys", charset="UTF-8"';

/** An answer of the gateway's own: one line of text that starts with its stable code. */
export class Refusal extends Error {
  readonly code: RefusalCode;
  readonly statusCode: number;
  readonly options: RefusalOptions;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: RefusalCode, options: RefusalOptions = {}) {
    const { retryAfterSeconds, error, asSite } = options;
    const [status, usualError, sentence] =
      asSite && code === 'credentials_required' ? unauthorized : refusals[code];
    super(`${code}: ${sentence}\n`);
    this.name = Refusal.name;
    this.code = code;
    this.statusCode = status;
    this.options = options;
    this.headers = {
      // https://www.rfc-editor.org/rfc/rfc9209: clients seldom show the body of a CONNECT's answer
      'Proxy-Status': `proxy-keys; error=${error ?? usualError}; details="${code}"`,
      ...(status === 401 && { 'WWW-Authenticate': challenge }),
      ...(status === 405 && { Allow: 'GET, HEAD' }),
      ...(status === 407 && { 'Proxy-Authenticate': challenge }),
      ...(retryAfterSeconds !== undefined && {
        'Retry-After': String(Math.max(1, Math.ceil(retryAfterSeconds))),
      }),
    };
  }

  /** The whole answer to a request with this method, the last on its connection. */
  answer(requestId: string, method?: string): string {
    const body = method === 'HEAD' ? '' : this.message;
    const fields = Object.entries({
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': this.message.length,
      ...this.headers,
      'Proxy-Request-Id': requestId,
      Connection: 'close',
    });
    const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    return `HTTP/1.1 ${this.statusCode} ${STATUS_CODES[this.statusCode]}\r\n${lines}\r\n${body}`;
  }
}
