import type { LookupAddress } from 'node:dns';
import { isIP, isIPv4, isIPv6 } from 'node:net';
import { isPublic } from '../../supabase/functions/_shared/address-ranges.ts';
import { Refusal } from '../refusal.ts';
import { type AllowedTarget, matches, permitsPort } from './allowed-targets.ts';
import { NameError } from './name-query.ts';
import type { NameResolver, ResolveNameOptions } from './name-resolver.ts';

/** Where a request may go: a name that was resolved once, and its allowed addresses. */
export interface Target {
  /** Lower case, without brackets or trailing dot, at most 253 characters. */
  host: string;
  port: number;
  /** In the resolver's order, at least one. Nothing else may be dialed. */
  addresses: LookupAddress[];
}

export interface TargetPolicy {
  /**
   * Judges a host and port as a client sent them. Rejects with a `Refusal`: malformed_request,
   * port_forbidden, target_forbidden, target_unreachable (the name does not resolve) or unavailable
   * (no name can be resolved now), the last two with the `NameError` as their cause; or with the
   * signal's reason when that is aborted.
   */
  resolve(host: string, port: number, options: ResolveNameOptions): Promise<Target>;
}

export interface TargetPolicyOptions {
  /** Exceptions to what is forbidden. */
  allowed: readonly AllowedTarget[];
  names: Pick<NameResolver, 'resolve'>;
}

const openPorts: ReadonlySet<number> = new Set([80, 443, 8080, 8443]);
const mostCharactersSent = 1_024;
/** A port, a path, user information, and characters that a URL parser would drop silently. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what it looks for
const notOfAHost = /[\x00-\x20\x7f:/\\?#@]/;
const name = /^(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/;

/**
 * The canonical form of a host, as the URL standard defines it for http: `0x7f.1`, `127.0.0.1.`,
 * `[::1]` and `LOCALHOST` become `127.0.0.1`, `127.0.0.1`, `::1` and `localhost`. Throws a
 * `Refusal`, malformed_request, for an invalid host.
 */
export function canonicalHost(host: string): string {
  if (isIPv4(host)) return host;
  if (host.length > mostCharactersSent) throw new Refusal('malformed_request');
  const bracketed = host.startsWith('[') && host.endsWith(']');
  const address = bracketed ? host.slice(1, -1) : host;
  if (address.includes(':') && isIPv6(address) && !address.includes('%')) {
    return new URL(`http://[${address}]`).hostname.slice(1, -1);
  }
  if (notOfAHost.test(host)) throw new Refusal('malformed_request');
  const hostname = URL.parse(`http://${host}`)?.hostname.replace(/\.$/, '');
  if (hostname === undefined || !name.test(hostname)) throw new Refusal('malformed_request');
  return hostname;
}

/**
 * Allows requests to public addresses on web ports, and to the exceptions. A name is resolved once
 * and only its checked addresses are returned, so that a second answer of its name server changes
 * nothing.
 */
export function createTargetPolicy({ allowed, names }: TargetPolicyOptions): TargetPolicy {
  return {
    async resolve(host, port, options) {
      const canonical = canonicalHost(host);
      if (!(Number.isInteger(port) && port >= 1 && port <= 65_535)) {
        throw new Refusal('malformed_request');
      }
      const open = openPorts.has(port);
      // no need to know the address
      if (!open && !permitsPort(allowed, port)) throw new Refusal('port_forbidden');

      const family = isIP(canonical);
      const answers =
        family > 0
          ? [{ address: canonical, family }]
          : await names.resolve(canonical, options).catch(refuse);
      const addresses = answers.filter(
        ({ address }) => matches(allowed, address, port) || (open && isPublic(address)),
      );
      if (addresses.length > 0) return { host: canonical, port, addresses };

      const portAlone = answers.some(({ address }) => isPublic(address));
      throw new Refusal(portAlone ? 'port_forbidden' : 'target_forbidden');
    },
  };
}

/** Turns a `NameError` into a `Refusal`, and rethrows any other error. */
function refuse(error: unknown): never {
  if (!(error instanceof NameError)) throw error;
  const refusal =
    error.code === 'unavailable'
      ? new Refusal('unavailable', { retryAfterSeconds: 5 })
      : new Refusal('target_unreachable');
  refusal.cause = error;
  throw refusal;
}
