import { getDomain } from 'tldts';

/**
 * The site of a host: its registrable domain, `example.co.uk` of `www.example.co.uk`; undefined for an
 * address, or a name without one. By what registries sell alone: `alice.github.io` is of `github.io`, as
 * one company answers there. It is the end of the host as given, which is what the database takes.
 */
export function siteOf(host: string): string | undefined {
  const domain = getDomain(host, { extractHostname: false, allowPrivateDomains: false });
  if (!domain || !(host === domain || host.endsWith(`.${domain}`))) return undefined;
  return domain;
}
