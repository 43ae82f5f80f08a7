/** A program or library that sends requests through a proxy. */
export interface Client {
  name: string;
  /** What to install, and how to run it. */
  note: string;
  /** What to know besides where the proxy is spoken to over TLS. */
  tlsNote?: string;
  /** Whether it can speak TLS to a proxy. */
  tls: boolean;
  /** Writes the program that sends one request and prints its status. */
  write(connection: Connection): string;
}

/** How a client reaches the gateway with a key. */
export interface Connection {
  host: string;
  port: number;
  secure: boolean;
  keyId: string;
  /** Undefined where the program is to read it from the environment. */
  secret?: string;
}

/** What each snippet asks for. */
export const exampleUrl = 'https://example.com/';

/** The proxy's address without credentials. */
export function proxyOrigin({ secure, host, port }: Connection): string {
  return `${secure ? 'https' : 'http'}://${host}:${port}`;
}

/** The proxy's URL, with `secret` in the place of the secret: the secret itself, or a variable. */
export function proxyUrl(connection: Connection, secret: string): string {
  return proxyOrigin(connection).replace('//', `//${connection.keyId}:${secret}@`);
}
