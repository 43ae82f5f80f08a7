/** A finding of one of the CLI's advisors. */
export interface Finding {
  name: string;
  cacheKey: string;
  metadata: { schema: string; name: string };
}

/** Findings that are allowed, each with the reason. */
const allowed: { reason: string; covers(finding: Finding): boolean }[] = [
  {
    reason: 'an index of a database in which nothing has run for long is unused',
    covers: ({ name }) => name === 'unused_index',
  },
  {
    reason:
      'a private table has no policy because no API role may reach it: RLS is the second lock',
    covers: ({ name, metadata }) =>
      name === 'rls_enabled_no_policy' && metadata.schema === 'proxy_private',
  },
];

/** The findings that are not allowed. */
export function unexplained(findings: Finding[]): Finding[] {
  return findings.filter((finding) => !allowed.some(({ covers }) => covers(finding)));
}
