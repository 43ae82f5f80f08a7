import { NotStrict } from './strict-answers.ts';

const requestLine = /^[A-Z-]+ [\x21-\xff]+ HTTP\/1\.1$/;
const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\t\x20-\x7e\x80-\xff]*)$/;

/**
 * Reads the plain request that a target got. Throws `NotStrict` if it is malformed, has bytes after
 * it, or contains a header for the gateway only. Tunneled bytes are not checked: there the gateway
 * does not close the connection.
 */
export function strictRequest(bytes: string): void {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd === -1) return;
  const [first = '', ...lines] = bytes.slice(0, headEnd).split('\r\n');
  const closes = lines.some((line) => /^connection: (?:close|upgrade)$/i.test(line));
  if (!/^[A-Z-]+ [/*]/.test(first) || !closes) return;
  if (!requestLine.test(first)) throw new NotStrict(`a request line ${JSON.stringify(first)}`);
  const fields = new Map<string, string>();
  for (const line of lines) {
    const [, name = '', value = ''] = field.exec(line) ?? [];
    const lower = name.toLowerCase();
    if (name === '') throw new NotStrict(`a header for the target ${JSON.stringify(line)}`);
    if (/^proxy-|^keep-alive$|^te$/.test(lower)) throw new NotStrict(`a target gets ${lower}`);
    if (fields.has(lower) && /^(?:content-length|host|transfer-encoding)$/.test(lower))
      throw new NotStrict(`a target gets ${lower} twice`);
    fields.set(lower, value);
  }
  const body = bytes.slice(headEnd + 4);
  const length = fields.get('content-length');
  if (fields.has('transfer-encoding')) {
    if (length !== undefined) throw new NotStrict('a target gets a length and a coding');
    // the bytes after the last chunk
    const [, behind = ''] = /(?:^|\r\n)0\r\n(?:[^\r\n]+\r\n)*\r\n(.*)$/s.exec(body) ?? [];
    if (behind !== '') throw new NotStrict('a target gets bytes after the last chunk');
  } else if (!/^upgrade$/i.test(fields.get('connection') ?? '')) {
    if (body.length > Number(length ?? 0))
      throw new NotStrict('a target gets bytes after the body');
  }
}
