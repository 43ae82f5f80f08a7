import { RequestError } from 'proxy-chain';

/** Every answer but 200, as the contract's table of gateway answers names them. */
const refusals = {
  malformed_request: [400, 'the request is not a CONNECT host:port or an absolute http:// URL'],
  quota_exceeded: [402, 'the bandwidth of this month is used up'],
  port_forbidden: [403, 'only ports 80, 443, 8080 and 8443 may be reached'],
  target_forbidden: [403, 'this target may not be reached'],
  key_suspended: [403, 'this key is suspended: ask the operator'],
  address_forbidden: [403, 'this key may not be used from this address'],
  credentials_required: [407, 'send keyId:secret of an active key as Basic proxy credentials'],
  rate_limited: [429, 'over the CONNECTs per second of this key'],
  internal: [500, 'the gateway failed, and its operator has been told'],
  target_unreachable: [502, 'there is no route to the target'],
  unavailable: [503, 'the gateway cannot serve this now, try again'],
  target_timeout: [504, 'the target was not connected within 15 seconds'],
} as const satisfies Record<string, readonly [status: number, sentence: string]>;

export type RefusalCode = keyof typeof refusals;

export const refusalCodes = Object.keys(refusals) as RefusalCode[];

/** A refusal that proxy-chain answers with: one line of text that begins with its stable code. */
export class Refusal extends RequestError {
  readonly code: RefusalCode;

  constructor(code: RefusalCode, options: { retryAfterSeconds?: number } = {}) {
    const [status, sentence] = refusals[code];
    const headers: Record<string, string> = {};
    if (status === 407) headers['Proxy-Authenticate'] = 'Basic realm="proxy keys", charset="UTF-8"';
    if (options.retryAfterSeconds !== undefined) {
      headers['Retry-After'] = String(Math.max(1, Math.ceil(options.retryAfterSeconds)));
    }
    super(`${code}: ${sentence}\n`, status, headers);
    // proxy-chain tells its own errors by this name
    this.name = RequestError.name;
    this.code = code;
  }
}
