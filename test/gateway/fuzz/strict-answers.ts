/** The parts of a request that decide how its answer is read. */
export interface Asked {
  method: string;
  version: string;
}

/** One final or interim answer. Text is Latin-1, one character per byte. */
export interface Answer {
  status: number;
  reason: string;
  /** In order, with names as received. */
  headers: [name: string, value: string][];
  body: string;
  trailers: [name: string, value: string][];
  /** What marks its end: `none` for an answer without a body. */
  framing: 'none' | 'length' | 'chunked' | 'end' | 'tunnel';
  whole: boolean;
}

export interface Answers {
  interim: Answer[];
  /** The final answers, in order; only the last may be incomplete. */
  final: Answer[];
}

/** How a connection ended: `left` if the client reset it. */
export type Ending = 'end' | 'reset' | 'left';

/** The bytes break HTTP's rules. */
export class NotStrict extends Error {}

const statusLine = /^HTTP\/1\.1 ([1-9]\d\d) ([\t\x20-\x7e\x80-\xff]*)$/;
const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*([\t\x20-\x7e\x80-\xff]*?)[\t ]*$/;
const codingList = /^(?:[a-z0-9!#$%&'*+.^_`|~-]+(?:; ?[a-z0-9=.]+)*(?:, |$))*$/;
const chunkSize = /^[0-9A-Fa-f]{1,12}$/;

/**
 * Reads the bytes that a client got, by the strict rules of RFC 9112. Throws `NotStrict` for a
 * malformed answer, for more answers than requests, and for a clean end before an answer is
 * complete.
 */
export function strictAnswers(bytes: string, asked: readonly Asked[], ended?: Ending): Answers {
  const answers: Answers = { interim: [], final: [] };
  let at = 0;
  while (at < bytes.length) {
    const request = asked[answers.final.length];
    if (!request) throw new NotStrict(`bytes after the last answer: ${shown(bytes.slice(at))}`);
    const headEnd = bytes.indexOf('\r\n\r\n', at);
    if (headEnd === -1) {
      const lines = bytes.slice(at).split('\r\n').slice(0, -1);
      if (lines.length > 0) parseHead(lines);
      if (ended === 'end') throw new NotStrict('an end within a head');
      break;
    }
    const head = parseHead(bytes.slice(at, headEnd).split('\r\n'));
    at = headEnd + 4;
    if (head.status < 200 && head.status !== 101) {
      if (request.version === '1.0') throw new NotStrict('an interim answer to HTTP/1.0');
      if (valuesOf(head, 'content-length').length + valuesOf(head, 'transfer-encoding').length > 0)
        throw new NotStrict('an interim answer with a body');
      answers.interim.push({ ...head, body: '', trailers: [], framing: 'none', whole: true });
      continue;
    }
    const { end, ...rest } = readBody(head, bytes, at, request, ended);
    at = end;
    const answer = { ...head, ...rest };
    answers.final.push(answer);
    if (!answer.whole && ended === 'end')
      throw new NotStrict(`an end within a body framed by ${answer.framing}`);
  }
  return answers;
}

/** The values of a header, by its name in lower case. */
export function valuesOf({ headers }: Pick<Answer, 'headers'>, name: string): string[] {
  return headers.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
}

function parseHead([first = '', ...lines]: string[]): Pick<
  Answer,
  'status' | 'reason' | 'headers'
> {
  const [, status, reason = ''] = statusLine.exec(first) ?? [];
  if (status === undefined) throw new NotStrict(`a status line ${shown(first)}`);
  return { status: Number(status), reason, headers: lines.map(parseField) };
}

function parseField(line: string): [name: string, value: string] {
  const [, name, value = ''] = field.exec(line) ?? [];
  if (name === undefined) throw new NotStrict(`a header ${shown(line)}`);
  return [name, value];
}

type Body = Pick<Answer, 'body' | 'trailers' | 'framing' | 'whole'> & { end: number };

function readBody(
  head: Pick<Answer, 'status' | 'headers'>,
  bytes: string,
  at: number,
  { method, version }: Asked,
  ended: Ending | undefined,
): Body {
  const rest = { body: bytes.slice(at), trailers: [], end: bytes.length };
  const lengths = valuesOf(head, 'content-length');
  const codings = valuesOf(head, 'transfer-encoding').join(', ').toLowerCase();
  if (lengths.length > 1) throw new NotStrict('two lengths');
  if (lengths.length > 0 && codings !== '') throw new NotStrict('a length and a coding');
  if (codings !== '' && version === '1.0') throw new NotStrict('a coding for HTTP/1.0');
  const { status } = head;
  if (!codingList.test(codings)) throw new NotStrict(`codings ${shown(codings)}`);
  if (codings !== '' && status === 204) throw new NotStrict('a coding of an answer without a body');
  if (status === 101 || (method === 'CONNECT' && status < 300)) {
    return { ...rest, framing: 'tunnel', whole: ended !== 'reset' };
  }
  if (method === 'HEAD' || status === 204 || status === 304) {
    return { body: '', trailers: [], framing: 'none', whole: true, end: at };
  }
  const [length] = lengths;
  if (length !== undefined) {
    if (!/^\d{1,20}$/.test(length)) throw new NotStrict(`a length ${shown(length)}`);
    const end = at + Number(length);
    const whole = bytes.length >= end;
    return {
      ...rest,
      body: bytes.slice(at, end),
      framing: 'length',
      whole,
      end: Math.min(end, bytes.length),
    };
  }
  if (/(?:^|[\s,])chunked$/.test(codings)) return readChunks(bytes, at);
  return { ...rest, framing: 'end', whole: ended === 'end' };
}

function readChunks(bytes: string, begin: number): Body {
  const cut = (body: string): Body => ({
    body,
    trailers: [],
    framing: 'chunked',
    whole: false,
    end: bytes.length,
  });
  let body = '';
  for (let at = begin; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) {
      if (!/^[0-9A-Fa-f]{0,12}\r?$/.test(bytes.slice(at))) throw new NotStrict('a size of a chunk');
      return cut(body);
    }
    const line = bytes.slice(at, lineEnd);
    if (!chunkSize.test(line)) throw new NotStrict(`a size of a chunk ${shown(line)}`);
    const size = Number.parseInt(line, 16);
    at = lineEnd + 2;
    if (size === 0) {
      const trailers: [string, string][] = [];
      for (;;) {
        const next = bytes.indexOf('\r\n', at);
        if (next === -1) return cut(body);
        const text = bytes.slice(at, next);
        at = next + 2;
        if (text === '') return { body, trailers, framing: 'chunked', whole: true, end: at };
        trailers.push(parseField(text));
      }
    }
    body += bytes.slice(at, at + size);
    at += size;
    if (bytes.length < at + 2) return cut(body);
    if (bytes.slice(at, at + 2) !== '\r\n') throw new NotStrict('a chunk that does not end');
    at += 2;
  }
}

function shown(bytes: string): string {
  return JSON.stringify(bytes.slice(0, 120));
}
