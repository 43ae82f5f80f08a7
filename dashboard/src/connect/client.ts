/** A program or library that sends requests through a proxy. */
export interface Client {
  name: string;
  /** What to install, and how to run it. */
  note: string;
  /** An extra note for TLS to the proxy. */
  tlsNote?: string;
  /** Whether it supports TLS to a proxy. */
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
  /** Undefined if the program reads it from the environment. */
  secret?: string;
}

/** The URL that each snippet requests. */
export const exampleUrl = 'https://example.com/';

/** The proxy's address without credentials. */
export function proxyOrigin({ secure, host, port }: Connection): string {
  return `${secure ? 'https' : 'http'}://${host}:${port}`;
}

/** The proxy's URL. `secret` is the secret itself, or a variable. */
export function proxyUrl(connection: Connection, secret: string): string {
  return proxyOrigin(connection).replace('//', `//${connection.keyId}:${secret}@`);
}
