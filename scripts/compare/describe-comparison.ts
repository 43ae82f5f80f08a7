import { formatTable, type Row } from './forwarding-table.ts';
import type { OtherProxy } from './other-proxies.ts';

/** The page that `npm run compare-proxies` writes: the same from each run with the same outcomes. */
export function describeComparison(
  columns: { name: string }[],
  others: { proxy: OtherProxy; version: string | undefined }[],
  tables: { title: string; rows: Row[] }[],
): string {
  const names = columns.map(({ name }) => name);
  const rows = tables.flatMap((table) => table.rows);
  return `# Plain HTTP through three proxies

\`npm run compare-proxies\` writes this page. It sends ${rows.length} requests through this gateway, Squid and tinyproxy
to a scripted target, and judges the bytes that reach client and target by RFC 9110 and RFC 9112. The
exchanges are in \`test/gateway/forwarding/exchanges/\`; \`test/gateway/forwarding.test.ts\` runs them in the
test suite.

${names.map((name, index) => `- ${name}: ${countRight(rows, index)} of ${rows.length} right`).join('\n')}

A cell shows "right" and what the client got (interim statuses first; "broken": the client can tell that
the body is incomplete), or, in bold, what went wrong. In addition to its row, every exchange must follow
these rules: client and target get HTTP that a strict recipient accepts; the target gets one request, with
the URL's authority as its only \`Host\`, without \`Proxy-Authorization\` and \`Proxy-Connection\`, and without a
header that identifies the proxy or the client; the client gets nothing after the answer.

${tables.map(({ title, rows }) => `## ${title}\n\n${formatTable(names, rows)}\n`).join('\n')}
## How the others were configured

The packages are Debian's. Apart from ports, folders and users, only the settings below differ from the
defaults. All three proxies require credentials. Each exchange ran ten times through each proxy, or until it
went wrong.

${others.map(describeConfiguration).join('\n\n')}

## Deliberate differences

- **\`Via\` is off.** RFC 9110, 7.6.3, asks a proxy to name itself in \`Via\`. Customers of this gateway do not
  want targets to see it. The other two proxies can be configured in the same way, and were.
- **A head over 64 KiB is refused**: the client gets 431 for its own, and 502 for the target's. RFC 9110 sets
  no limit.
- **Every answer has \`Proxy-Request-Id\`**, the id of the usage event.
- **A second request that arrives before the first is answered is not served**: the connection closes after
  the first answer. RFC 9112, 9.3.2, lets the client retry it.
- **A URL with non-ASCII bytes gets 400**, as RFC 9112, 3.2, asks, and so does a method that Node's parser does
  not know. The other two proxies forward both.
- **Node's parser decides two faults of a target**: a space between a header's name and its colon gets 502,
  although RFC 9112, 5.1, asks a proxy to remove it; and a chunk without its line end is accepted, while Squid
  breaks off.
- **HTTP/0.9 gets 502**, while Squid turns it into an answer.
`;
}

function countRight(rows: Row[], index: number): number {
  return rows.filter(({ outcomes }) => outcomes[index]?.faults.length === 0).length;
}

function describeConfiguration({
  proxy,
  version,
}: {
  proxy: OtherProxy;
  version: string | undefined;
}): string {
  return `${proxy.name} ${version ?? '(not installed, left out)'}:\n\n\`\`\`\n${proxy.settings.join('\n')}\n\`\`\``;
}
