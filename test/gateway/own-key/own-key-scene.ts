import type { OwnKey } from '../../../gateway/own-key.ts';
import { type ClientPlace, connectTo, readToEnd } from '../../support/gateway/gateway-fixture.ts';

/** The gateway's answer to a request for `/key`. */
export interface KeyAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
  /** The key's state, from a 200. */
  key: OwnKey;
  /** The code of a refusal. */
  code: string;
}

/** Basic credentials from a `keyId:secret`, in `Authorization` or another header. */
export function basic(basicAuth: string, name = 'Authorization'): string {
  return `${name}: Basic ${Buffer.from(basicAuth).toString('base64')}`;
}

/** A request for `/key` with these header lines. */
export function keyRequest(headers: string[], line = 'GET /key HTTP/1.1'): string {
  return [line, 'Host: gateway.test', ...headers, '', ''].join('\r\n');
}

/** Sends a request, or other bytes, and reads the single answer to its end. */
export async function ask(
  port: number,
  request: string | Buffer,
  place?: ClientPlace,
): Promise<KeyAnswer> {
  const socket = connectTo(port, { ...place });
  socket.write(request);
  const said = await readToEnd(socket);
  const [head = '', ...rest] = said.split('\r\n\r\n');
  const body = rest.join('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 2),
    ]),
  );
  const isJson = headers['content-type'] === 'application/json' && body !== '';
  return {
    status: Number(statusLine.split(' ')[1]),
    headers,
    body,
    key: isJson ? JSON.parse(body).key : undefined,
    code: isJson ? '' : (body.split(':')[0] ?? ''),
  };
}
