import type { LookupAddress, RecordWithTtl } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { interleave } from './address-order.ts';

/** The addresses of a name, and how long they are valid. */
export interface NameAnswer {
  /** At least one. */
  addresses: readonly LookupAddress[];
  ttlMs: number;
}

/** A name did not resolve to an address. */
export class NameError extends Error {
  /** As in RFC 9209; `unavailable` if no name server could be asked. */
  readonly code: 'dns_error' | 'dns_timeout' | 'unavailable';
  /** The name server's answer, such as NXDOMAIN; NOERROR if the name has no address. */
  readonly rcode: string | undefined;

  constructor(code: NameError['code'], rcode?: string) {
    super(rcode ?? code);
    this.name = NameError.name;
    this.code = code;
    this.rcode = rcode;
  }
}

export interface NameQueryOptions {
  /** Addresses of name servers, each with an optional port; the system's by default. */
  servers?: readonly string[];
  /** How long all attempts may take together, in ms. */
  timeoutMs: number;
  /** Cancels the query when no one waits for it. */
  signal: AbortSignal;
}

/** How long the answer for one family waits for the other, in ms: RFC 8305, 3. */
const resolutionDelayMs = 50;
const longestTtlMs = 60_000;
export const shortestTtlMs = 1_000;
/** An answer over TCP may have thousands of addresses; more than the dialer tries are of no use. */
const mostAddresses = 32;

/** Another name server may do better on these errors, which Node's c-ares takes as final. */
const serverFailures: ReadonlySet<unknown> = new Set([
  'ESERVFAIL',
  'EREFUSED',
  'ENOTIMP',
  'EFORMERR',
  'EBADRESP',
]);
const rcodes: Record<string, string> = {
  ENOTFOUND: 'NXDOMAIN',
  ENODATA: 'NOERROR',
  ESERVFAIL: 'SERVFAIL',
  EREFUSED: 'REFUSED',
  ENOTIMP: 'NOTIMP',
  EFORMERR: 'FORMERR',
};

type Outcome = { records: RecordWithTtl[] } | { code: string };
const silence: Outcome = { code: 'ETIMEOUT' };

/**
 * Asks for the IPv4 and IPv6 addresses of a name at once. Once one family has answered, the other
 * has a short time and is then canceled; such an answer is valid for one second. Rejects with a
 * `NameError`. No socket is left behind.
 *
 * Each query has its own resolver, which can be canceled alone, reads the system's current
 * configuration, and sends from its own port, which an attacker who forges answers would have to
 * guess (RFC 5452).
 */
export async function queryName(name: string, options: NameQueryOptions): Promise<NameAnswer> {
  const { servers, timeoutMs, signal } = options;
  // the second resolver asks the second server and those after it, and so on
  const resolvers: Resolver[] = [];
  const outcomes: { 4?: Outcome; 6?: Outcome } = {};
  const done = Promise.withResolvers<void>();
  const deadline = setTimeout(done.resolve, timeoutMs);
  let delay: NodeJS.Timeout | undefined;
  let over = false;

  const resolverFrom = (first: number): Resolver => {
    const made = resolvers[first];
    if (made) return made;
    const resolver = new Resolver({ timeout: 2_000, tries: 3 });
    const all = servers ?? resolver.getServers();
    if (servers || first > 0) resolver.setServers(all.slice(first));
    resolvers[first] = resolver;
    return resolver;
  };
  const ask = async (family: 4 | 6, first = 0): Promise<Outcome> => {
    const resolver = resolverFrom(first);
    try {
      const records = await (family === 4
        ? resolver.resolve4(name, { ttl: true })
        : resolver.resolve6(name, { ttl: true }));
      return records.length > 0 ? { records } : { code: 'ENODATA' };
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      const more = serverFailures.has(code) && resolver.getServers().length > 1;
      return more && !over ? ask(family, first + 1) : { code };
    }
  };
  const settle = async (family: 4 | 6, other: 4 | 6) => {
    const outcome = await ask(family);
    outcomes[family] = outcome;
    if (outcomes[other]) done.resolve();
    // first read what has arrived by then: this process may have been busy
    else if ('records' in outcome)
      delay = setTimeout(setImmediate, resolutionDelayMs, done.resolve);
  };

  signal.addEventListener('abort', () => done.resolve(), { once: true });
  settle(4, 6).catch(done.reject);
  settle(6, 4).catch(done.reject);
  try {
    if (!signal.aborted) await done.promise;
    return answerOf(outcomes[4], outcomes[6]);
  } finally {
    over = true;
    clearTimeout(deadline);
    clearTimeout(delay);
    for (const resolver of resolvers) resolver.cancel();
  }
}

function answerOf(ipv4: Outcome = silence, ipv6: Outcome = silence): NameAnswer {
  const [four = [], six = []] = [ipv4, ipv6].map((each) => ('records' in each ? each.records : []));
  const codes = [ipv4, ipv6].flatMap((each) => ('code' in each ? [each.code] : []));
  const found = [...four, ...six];
  if (found.length === 0) {
    // an error for one family matters more than the other having no address
    const code = codes.find((each) => each !== 'ENODATA') ?? 'ENODATA';
    if (code === 'ETIMEOUT') throw new NameError('dns_timeout');
    if (code === 'ECONNREFUSED') throw new NameError('unavailable');
    throw new NameError('dns_error', rcodes[code]);
  }
  const whole = codes.every((code) => code === 'ENODATA' || code === 'ENOTFOUND');
  const ttlMs = Math.min(...found.map(({ ttl }) => ttl * 1_000), longestTtlMs);
  return {
    addresses: interleave(addressesOf(four), addressesOf(six)).slice(0, mostAddresses),
    ttlMs: whole ? Math.max(ttlMs, shortestTtlMs) : shortestTtlMs,
  };
}

function addressesOf(records: RecordWithTtl[]): string[] {
  return records.map(({ address }) => address);
}
