import type { Step } from './conversation.ts';
import { head, send } from './conversation.ts';
import type { Fact } from './facts.ts';

/** One request through a proxy to a scripted target, with the right outcome. */
export interface Exchange {
  name: string;
  /** The right outcome in words, for a table. */
  right: string;
  /** The request's method: it decides whether an answer has a body. */
  method: string;
  client: Step[];
  /** The target's steps on each connection; `nobody` for a closed port. */
  target: Step[] | 'nobody';
  facts: Fact[];
  /** The code of the gateway's refusal, if the proxy has to answer by itself. */
  code?: string;
  /** Parts of `alwaysRight` that do not apply to this exchange. */
  except: readonly AlwaysRight[];
}

/** Rules for every exchange, unless it excepts them. */
export type AlwaysRight = 'names nobody' | 'one request' | 'one answer';

/** Exchanges of one kind: a section of the table. */
export interface Section {
  title: string;
  exchanges: Exchange[];
}

/** An answer that follows every rule. */
export const hello = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';

/** A request with extra header lines, and a body as on the wire; `PORT` is the target's. */
export function request(line: string, headers: string[] = [], body = ''): string {
  const [method, path, version = 'HTTP/1.1'] = line.split(' ');
  return [
    `${method} http://127.0.0.1:PORT${path} ${version}`,
    'Host: 127.0.0.1:PORT',
    'Proxy-Authorization: Basic CREDENTIALS',
    ...headers,
    '',
    body,
  ].join('\r\n');
}

/** An answer with header lines, and a body as on the wire. */
export function answer(status: string, headers: string[] = [], body = ''): string {
  return [`HTTP/1.1 ${status}`, ...headers, '', body].join('\r\n');
}

/** Completes an exchange: by default a GET of `/`, answered with `hello`. */
export function exchange(
  name: string,
  right: string,
  facts: Fact[],
  options: Partial<Omit<Exchange, 'name' | 'right' | 'facts'>> = {},
): Exchange {
  return {
    name,
    right,
    facts,
    method: 'GET',
    client: [send(request('GET /'))],
    target: [head, send(hello)],
    except: [],
    ...options,
  };
}
