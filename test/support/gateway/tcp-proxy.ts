import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A network that can fail, between a gateway and a server that it depends on. */
export interface TcpProxy {
  port: number;
  /** The number of connected clients. */
  readonly connections: number;
  /** The number of clients so far. */
  readonly accepted: number;
  /** The server's URL, through this proxy. */
  through(url: string): string;
  /** Resets every open connection, and each new one. */
  cut(): void;
  /** Keeps connections open and accepts new ones, but forwards no byte and reports no error. */
  blackHole(): void;
  /**
   * Holds the answer to the next message that contains `text`. Resolves when the server has
   * answered: the work is done, and the caller does not know it.
   */
  holdAnswerTo(text: string): Promise<void>;
  /** Forwards bytes again, starting with those that were held. */
  restore(): void;
  close(): Promise<void>;
}

/** Starts a proxy on a free port of the loopback address, in front of the server at `url`. */
export async function startTcpProxy(url: string): Promise<TcpProxy> {
  const { hostname, port: serverPort } = new URL(url);
  // each client and its connection to the server, which is missing if the client arrived in a black
  // hole
  const links = new Map<Socket, Socket | null>();
  let state: 'passing' | 'cut' | 'black hole' = 'passing';
  let accepted = 0;
  let awaited: { text: string; answered: () => void } | null = null;

  const pass = (client: Socket) => {
    if (client.destroyed) return;
    const server = links.get(client) ?? connectServer(client);
    // unpipe first: after a restore without a failure, a second pipe would send everything twice
    client.unpipe().pipe(server);
    server.unpipe().pipe(client);
  };
  const connectServer = (client: Socket) => {
    const server = connect({
      host: hostname,
      port: Number(serverPort),
      allowHalfOpen: true,
      noDelay: true,
    });
    links.set(client, server);
    server.on('error', () => {});
    // a clean end has already been piped; forward anything else as a reset
    server.once('close', () => !server.readableEnded && client.resetAndDestroy());
    client.once('close', () => !client.readableEnded && server.resetAndDestroy());
    // before the pipe, so that the server has not received the message yet
    client.on('data', (chunk: Buffer) => {
      if (!awaited || !chunk.includes(awaited.text)) return;
      server.unpipe().pause();
      server.once('readable', awaited.answered);
      awaited = null;
    });
    return server;
  };
  const hold = (client: Socket, server: Socket | null) => {
    client.unpipe().pause();
    server?.unpipe().pause();
  };

  const listener = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
  listener.on('connection', (client) => {
    accepted += 1;
    client.on('error', () => {});
    if (state === 'cut') {
      client.resetAndDestroy();
      return;
    }
    links.set(client, null);
    client.once('close', () => links.delete(client));
    if (state === 'passing') pass(client);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;

  return {
    port,
    get connections() {
      return links.size;
    },
    get accepted() {
      return accepted;
    },
    through(serverUrl) {
      const proxied = new URL(serverUrl);
      proxied.hostname = '127.0.0.1';
      proxied.port = String(port);
      return proxied.href;
    },
    cut() {
      state = 'cut';
      for (const client of links.keys()) client.resetAndDestroy();
    },
    blackHole() {
      state = 'black hole';
      for (const [client, server] of links) hold(client, server);
    },
    holdAnswerTo(text) {
      const { promise, resolve } = Promise.withResolvers<void>();
      awaited = { text, answered: resolve };
      return promise;
    },
    restore() {
      state = 'passing';
      for (const client of links.keys()) pass(client);
    },
    async close() {
      for (const [client, server] of links) {
        client.destroy();
        server?.destroy();
      }
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}
