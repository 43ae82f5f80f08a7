/** A header field; its value has no surrounding white space. */
export type Field = readonly [name: string, value: string];

/** What marks the end of a message's body. */
export type Framing = 'none' | 'length' | 'chunks' | 'connection';

/** One HTTP/1 message, read by RFC 9112; text is Latin-1, one character per byte. */
export interface Message {
  startLine: string;
  /** The status of an answer; 0 in a request, and if it is not three digits. */
  status: number;
  fields: Field[];
  framing: Framing;
  /** Without chunk framing. */
  body: string;
  trailers: Field[];
  /** Whether the body has ended by its framing; false if only a close can end it. */
  complete: boolean;
  /** The bytes after the message. */
  rest: string;
  /** Short descriptions of what a strict recipient would not accept. */
  faults: string[];
}

const fieldLine = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/;
const requestLine = /^[!#$%&'*+.^_`|~\w-]+ [!-~\x80-\xff]+ HTTP\/1\.[01]$/;
const statusLine = /^HTTP\/1\.[01] (\d{3}) [\t\x20-\x7e\x80-\xff]*$/;
const chunkLine = /([\da-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n/iy;

/** Reads a request from the start of `text`; undefined until its head is complete. */
export function parseRequest(text: string): Message | undefined {
  return parseMessage(text, requestLine, () => false);
}

/** Reads an answer to a request with this method; undefined until its head is complete. */
export function parseAnswer(text: string, method: string): Message | undefined {
  return parseMessage(
    text,
    statusLine,
    (status) => method === 'HEAD' || status < 200 || status === 204 || status === 304,
  );
}

/** All values of a field, in order. */
export function valuesOf(fields: Field[], name: string): string[] {
  return fields
    .filter(([each]) => each.toLowerCase() === name.toLowerCase())
    .map(([, value]) => value);
}

function parseMessage(
  text: string,
  startPattern: RegExp,
  isBodiless: (status: number) => boolean,
): Message | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const [startLine = '', ...lines] = text.slice(0, headEnd).split('\r\n');
  const start = startPattern.exec(startLine);
  const faults = start ? [] : ['a malformed start line'];
  const status = Number(start?.[1] ?? 0);
  const fields = parseFields(lines, faults);
  const after = text.slice(headEnd + 4);
  const head = { startLine, status, fields, faults, trailers: [] };
  const isAnswer = startPattern === statusLine;
  if (isAnswer && isBodiless(status)) {
    return { ...head, framing: 'none', body: '', complete: true, rest: after };
  }
  const codings = valuesOf(fields, 'Transfer-Encoding');
  const lengths = valuesOf(fields, 'Content-Length');
  if (codings.length > 0) {
    if (lengths.length > 0) faults.push('a length beside chunks');
    if (codings.join().toLowerCase() !== 'chunked') faults.push('an odd Transfer-Encoding');
    return { ...head, framing: 'chunks', ...readChunks(after, faults) };
  }
  if (lengths.length > 0) {
    if (lengths.length > 1) faults.push('two lengths');
    if (!/^\d+$/.test(lengths[0] ?? '')) faults.push('a malformed length');
    const length = Number(lengths[0]);
    const body = after.slice(0, length);
    const complete = body.length === length;
    return { ...head, framing: 'length', body, complete, rest: after.slice(length) };
  }
  return isAnswer
    ? { ...head, framing: 'connection', body: after, complete: false, rest: '' }
    : { ...head, framing: 'none', body: '', complete: true, rest: after };
}

function parseFields(lines: string[], faults: string[]): Field[] {
  return lines.flatMap((line): Field[] => {
    const [, name, value] = fieldLine.exec(line) ?? [];
    if (name !== undefined && value !== undefined) return [[name, value.trimEnd()]];
    faults.push('a malformed header field');
    return [];
  });
}

function readChunks(
  text: string,
  faults: string[],
): Pick<Message, 'body' | 'trailers' | 'complete' | 'rest'> {
  let body = '';
  let place = 0;
  const unfinished = () => ({ body, trailers: [], complete: false, rest: '' });
  for (;;) {
    chunkLine.lastIndex = place;
    const [line, size] = chunkLine.exec(text) ?? [];
    if (line === undefined || size === undefined) {
      if (text.indexOf('\n', place) !== -1) faults.push('a malformed chunk');
      return unfinished();
    }
    place += line.length;
    const length = Number.parseInt(size, 16);
    if (length === 0) break;
    body += text.slice(place, place + length);
    place += length;
    if (text.length < place + 2) return unfinished();
    if (text.slice(place, place + 2) !== '\r\n') faults.push('a malformed chunk');
    place += 2;
  }
  const section = text.slice(place);
  if (section.startsWith('\r\n')) {
    return { body, trailers: [], complete: true, rest: section.slice(2) };
  }
  const end = section.indexOf('\r\n\r\n');
  if (end === -1) return unfinished();
  const trailers = parseFields(section.slice(0, end).split('\r\n'), faults);
  return { body, trailers, complete: true, rest: section.slice(end + 4) };
}
