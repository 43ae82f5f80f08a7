// The part of Deno's network API that is used here, which both Deno and the platform's edge runtime have. Unlike
// `fetch`, it can dial an address and then verify the certificate of a name.

/** A connection: https://docs.deno.com/api/deno/~/Deno.Conn. */
export interface Connection {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

interface Network {
  env: { get(name: string): string | undefined };
  connect(options: { hostname: string; port: number }): Promise<Connection>;
  startTls(
    connection: Connection,
    options: { hostname: string; alpnProtocols: string[]; caCerts?: string[] },
  ): Promise<Connection & { handshake(): Promise<unknown> }>;
  resolveDns(
    name: string,
    type: 'A' | 'AAAA',
    options: { nameServer?: { ipAddr: string; port: number }; signal?: AbortSignal },
  ): Promise<string[]>;
}

export const network = (globalThis as unknown as { Deno: Network }).Deno;
