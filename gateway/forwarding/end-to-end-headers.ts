/** Names and values by turns, as in Node's `rawHeaders`. */
export type RawHeaders = string[];

/** RFC 9110, 7.6.1. Framing headers are written again for each connection. */
const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
];
/** `Connection` cannot remove these: without them the message would mean something else. */
const neverDropped: ReadonlySet<string> = new Set(['host', 'content-length']);

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Invalid in a header's value: RFC 9110, 5.5, lets a recipient replace them with a space. */
const notOfAValue = /[^\t\x20-\x7e\x80-\xff]/g;

/** The first value of a header, whose name is given in lower case. */
export function firstValue(headers: RawHeaders, name: string): string | undefined {
  for (let index = 0; index + 1 < headers.length; index += 2) {
    if (headers[index]?.length === name.length && headers[index]?.toLowerCase() === name) {
      return headers[index + 1];
    }
  }
  return undefined;
}

/** The items of a list header, which may be on several lines, in lower case. */
export function listItems(headers: RawHeaders, name: string): string[] {
  return headers
    .filter((_, index) => index % 2 === 1 && headers[index - 1]?.trimEnd().toLowerCase() === name)
    .flatMap((value) => value.split(','))
    .map((item) => item.trim().toLowerCase())
    .filter((item) => item !== '');
}

/**
 * The headers to forward, in their order: without hop-by-hop headers, those that `Connection`
 * names, and `drop`. Only valid ones are kept, so that writing them cannot throw.
 */
export function endToEndHeaders(headers: RawHeaders, drop: readonly string[] = []): RawHeaders {
  const named = listItems(headers, 'connection').filter((name) => !neverDropped.has(name));
  const dropped = new Set([...hopByHop, ...named, ...drop]);
  const kept: RawHeaders = [];
  let lengthSeen = false;
  for (let index = 0; index + 1 < headers.length; index += 2) {
    // RFC 9112, 5.1: a proxy removes spaces before a colon
    const name = headers[index]?.trimEnd() ?? '';
    const lower = name.toLowerCase();
    if (dropped.has(lower) || !token.test(name)) continue;
    // the parser has checked that they agree
    if (lower === 'content-length' && lengthSeen) continue;
    lengthSeen ||= lower === 'content-length';
    kept.push(name, cleanText(headers[index + 1] ?? ''));
  }
  return kept;
}

const coding = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[\t ]*;[\t ]*[!#$%&'*+.^_`|~0-9A-Za-z=-]+)*$/;

/** The codings that remain on a body once its chunks are removed. Throws if they are unknown. */
export function codingsBesideChunks(headers: RawHeaders): string[] {
  const codings = listItems(headers, 'transfer-encoding');
  const others = codings.at(-1) === 'chunked' ? codings.slice(0, -1) : codings;
  if (others.some((each) => each === 'chunked' || !coding.test(each)))
    throw new RangeError('not a transfer coding');
  return others;
}

/** A value or a reason phrase, made valid for writing. */
export function cleanText(text: string): string {
  return text.replace(notOfAValue, ' ');
}

/** The lines of a head, including the empty last one. */
export function formatHead(firstLine: string, headers: RawHeaders): Buffer {
  let head = `${firstLine}\r\n`;
  for (let index = 0; index + 1 < headers.length; index += 2) {
    head += `${headers[index]}: ${headers[index + 1]}\r\n`;
  }
  return Buffer.from(`${head}\r\n`, 'latin1');
}

/** Headers in the form in which Node takes trailers. */
export function pairs(headers: string[]): [string, string][] {
  return Array.from({ length: headers.length / 2 }, (_, index) => [
    headers[2 * index] ?? '',
    headers[2 * index + 1] ?? '',
  ]);
}
