// What is used of Deno's own network, which both Deno and the platform's edge runtime have: it can dial an
// address and then check the certificate of a name, which `fetch` cannot.

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
