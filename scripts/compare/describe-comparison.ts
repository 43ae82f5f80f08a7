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

Written by \`npm run compare-proxies\`. It sends ${rows.length} requests through this gateway, Squid and tinyproxy
to a scripted target, and judges the bytes that reached client and target by RFC 9110 and RFC 9112. The
exchanges are in \`test/gateway/forwarding/exchanges/\`; \`test/gateway/forwarding.test.ts\` runs them in the
suite.

${names.map((name, index) => `- ${name}: ${countRight(rows, index)} of ${rows.length} right`).join('\n')}

A cell says "right" and what the client got (interim statuses first; "broken": the client can tell that
the body is not whole), or in bold what went wrong. Of every exchange these are right, beside what its row
says: client and target get HTTP that a strict recipient accepts; the target gets one request, with the
URL's authority as its only \`Host\`, without \`Proxy-Authorization\` and \`Proxy-Connection\`, and without a
header that names the proxy or the client; the client gets nothing after the answer.

${tables.map(({ title, rows }) => `## ${title}\n\n${formatTable(names, rows)}\n`).join('\n')}
## How the others were configured

The packages are Debian's. Beside ports, folders and users, these were set; all else is as the programs have
it by default. All three ask for credentials. Each exchange ran ten times through each proxy, or until it went
wrong.

${others.map(describeConfiguration).join('\n\n')}

## Deliberate differences

- **\`Via\` is off.** RFC 9110, 7.6.3, asks a proxy to name itself in \`Via\`. Customers of this gateway do not
  want a target to know of it, and the other two can be configured so: they were.
- **A head over 64 KiB is refused**, with 431 to the client and 502 for a target. RFC 9110 sets no limit.
- **Every answer has \`Proxy-Request-Id\`**: it is the id of the usage event.
- **A second request that comes before the first is answered is not served**: the connection closes after
  the first answer. RFC 9112, 9.3.2, lets a client repeat it.
- **A URL with bytes beyond ASCII, or a method that Node's parser does not know, is 400**, as RFC 9112, 3.2,
  asks for a URL. The other two pass both on.
- **Two faults of a target are Node's parser's to judge**: a space between the name of a header and its colon
  is 502, where RFC 9112, 5.1, asks a proxy to take it away; and a chunk without its line end passes, where
  Squid breaks off.
- **HTTP/0.9 is 502**, where Squid makes an answer of it.
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
