import type { LookupAddress } from 'node:dns';
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import { createAlarm } from '../alarm.ts';
import { type Timed, untimed } from '../latency.ts';
import { Refusal } from '../refusal.ts';
import { createHostsFile, type HostsFile } from './hosts-file.ts';
import { KeySlots } from './key-slots.ts';
import { type NameAnswer, NameError, queryName, shortestTtlMs } from './name-query.ts';

/** Which key a name is resolved for, and how long the caller waits. */
export interface ResolveNameOptions {
  /** The key whose limit the name counts against. */
  keyId: string;
  /** Ends the wait. */
  signal: AbortSignal;
}

export interface NameResolver {
  /**
   * All addresses of a name in lower case without a trailing dot, in the order to try them, at least
   * one. Rejects with a `NameError` when it has none, with `Refusal('unavailable')` when too many
   * names are under way, and with the signal's reason when that is aborted.
   */
  resolve(name: string, options: ResolveNameOptions): Promise<readonly LookupAddress[]>;
  /** How many names are being asked of name servers; each uses one or two sockets. */
  readonly underWay: number;
}

export interface NameResolverOptions {
  /** Addresses of name servers, each with an optional port; the system's by default. */
  servers?: readonly string[] | undefined;
  /** How many names a key may have under way at once; further ones wait. */
  mostPerKey?: number;
  /** How many names all keys may have under way at once. */
  most?: number;
  /** How long a name may take in total, in ms. */
  timeoutMs?: number;
  hosts?: HostsFile;
  /** Measures how long name servers take. */
  timed?: Timed;
  /** Monotonic, in ms. */
  now?: () => number;
  log: Pick<Logger, 'info' | 'warn'>;
}

/** A name that is being asked for. */
interface Query {
  begunAt: number;
  answer: Promise<readonly LookupAddress[]>;
  callers: number;
  cancel: AbortController;
}

const cachedNames = 10_000;
const retryAfterSeconds = 5;
/** A name is not dropped before this time, in ms: nearly all names are answered by then. */
const safeMs = 1_000;
const loopback = (): readonly LookupAddress[] => [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

/**
 * Resolves names without libuv's thread pool, where a few silent names would block all others. The
 * hosts file comes first, then a cache, then the name servers, asked once for all callers of a
 * name. A query is canceled when no caller waits for it any longer.
 *
 * The cache does not enable DNS rebinding: addresses are checked at each request, after the cache,
 * and only a checked address is dialed. If a name's answer changes, the new one is checked as well.
 */
export function createNameResolver(options: NameResolverOptions): NameResolver {
  const { servers, mostPerKey = 50, most = 1_000, timeoutMs = 10_000, log } = options;
  const { now = () => performance.now(), hosts = createHostsFile(), timed = untimed } = options;
  const slots = new KeySlots(mostPerKey);
  const queries = new Map<string, Query>();
  const cache = new LRUCache<string, NameAnswer | NameError>({
    max: cachedNames,
    ttl: shortestTtlMs,
    ttlResolution: 0,
    perf: { now },
  });
  const full = createAlarm(log, {
    begins: 'too many names are being resolved: the slowest are dropped',
    ends: 'all names are resolved again',
  });
  const deaf = createAlarm(log, {
    begins:
      'no name server can be asked: check that one is reachable, and that descriptors are left',
    ends: 'name servers can be asked again',
  });

  const known = (name: string): readonly LookupAddress[] | undefined => {
    // RFC 6761, 6.3
    if (name === 'localhost' || name.endsWith('.localhost')) return loopback();
    const found = hosts.find(name);
    if (found) return found;
    const cached = cache.get(name);
    if (cached instanceof NameError) throw cached;
    return cached?.addresses;
  };
  const ask = async (name: string, signal: AbortSignal): Promise<readonly LookupAddress[]> => {
    try {
      const query = { timeoutMs, signal, ...(servers && { servers }) };
      const answer = await timed(() => queryName(name, query));
      cache.set(name, answer, { ttl: answer.ttlMs });
      deaf(false);
      return answer.addresses;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (!(error instanceof NameError)) throw error;
      deaf(error.code === 'unavailable');
      if (error.code !== 'unavailable') cache.set(name, error);
      throw error;
    }
  };
  const begin = (name: string): Query => {
    if (queries.size >= most) makeRoom();
    const cancel = new AbortController();
    const answer = ask(name, cancel.signal);
    const query: Query = { begunAt: now(), callers: 0, cancel, answer };
    queries.set(name, query);
    const end = () => forget(name, query);
    query.answer.then(end, end);
    return query;
  };
  /**
   * Drops the name that has waited longest, likely a silent one; throws if none has waited long.
   */
  const makeRoom = () => {
    full(true, { names: queries.size });
    const refusal = new Refusal('unavailable', { retryAfterSeconds });
    const [[name, query] = []] = queries;
    if (name === undefined || !query || now() - query.begunAt < safeMs) throw refusal;
    queries.delete(name);
    query.cancel.abort(refusal);
  };
  const forget = (name: string, query: Query) => {
    if (queries.get(name) !== query) return;
    queries.delete(name);
    if (queries.size <= most / 2) full(false);
  };
  const answered = async (name: string, signal: AbortSignal): Promise<readonly LookupAddress[]> => {
    signal.throwIfAborted();
    const query = queries.get(name) ?? begin(name);
    query.callers += 1;
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([query.answer, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', abort);
      query.callers -= 1;
      if (query.callers === 0) {
        forget(name, query);
        query.cancel.abort();
      }
    }
  };

  return {
    async resolve(name, { keyId, signal }) {
      signal.throwIfAborted();
      const at = known(name);
      if (at) return at;
      const leave = await slots.enter(keyId, name, signal);
      try {
        return known(name) ?? (await answered(name, signal));
      } finally {
        leave();
      }
    },
    get underWay() {
      return queries.size;
    },
  };
}
