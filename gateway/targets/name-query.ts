import type { LookupAddress, RecordWithTtl } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { interleave } from './address-order.ts';

/** The addresses of a name, and for how long they hold. */
export interface NameAnswer {
  /** At least one. */
  addresses: readonly LookupAddress[];
  ttlMs: number;
}

/** A name gave no address. */
export class NameError extends Error {
  /** As RFC 9209 names it; `unavailable` where no name server could be asked. */
  readonly code: 'dns_error' | 'dns_timeout' | 'unavailable';
  /** What the name server answered, such as NXDOMAIN; NOERROR where the name has no address. */
  readonly rcode: string | undefined;

  constructor(code: NameError['code'], rcode?: string) {
    super(rcode ?? code);
    this.name = NameError.name;
    this.code = code;
    this.rcode = rcode;
  }
}

export interface NameQueryOptions {
  /** Addresses of name servers, each with a port or not; the system's where none is given. */
  servers?: readonly string[];
  /** How long all attempts may take together, in ms. */
  timeoutMs: number;
  /** Ends the query: nobody waits for it. */
  signal: AbortSignal;
}

/** How long an answer of one family waits for the other, in ms: RFC 8305, 3. */
const resolutionDelayMs = 50;
const longestTtlMs = 60_000;
export const shortestTtlMs = 1_000;
/** An answer over TCP may have thousands; more than the dialer tries are of no use. */
const mostAddresses = 32;

/** What another name server may answer better: Node has c-ares take these from the first one. */
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
 * Asks for the IPv4 and IPv6 addresses of a name at once. Where one family answers, the other is
 * waited for a little and then cancelled; such an answer holds for a second only. Rejects with a
 * `NameError`. No socket is left behind.
 *
 * A resolver for each query can be cancelled alone, reads the system's configuration as it is now,
 * and sends from a port of its own, which a forger of answers would have to guess (RFC 5452).
 */
export async function queryName(name: string, options: NameQueryOptions): Promise<NameAnswer> {
  const { servers, timeoutMs, signal } = options;
  // the second one asks the second server and those after it, and so on
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
    // after what has arrived by then is read: this process may have been busy
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
    // that one family has no address says less than why the other could not be asked
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
