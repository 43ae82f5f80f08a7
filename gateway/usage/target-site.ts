import { getDomain } from 'tldts';

/**
 * The site of a host: its registrable domain, `example.co.uk` for `www.example.co.uk`; undefined
 * for an address, or a name without one. Only public registries count: `alice.github.io` is part of
 * `github.io`, as one company serves it. It is a suffix of the host as given, as the database
 * requires.
 */
export function siteOf(host: string): string | undefined {
  const domain = getDomain(host, { extractHostname: false, allowPrivateDomains: false });
  if (!domain || !(host === domain || host.endsWith(`.${domain}`))) return undefined;
  return domain;
}
