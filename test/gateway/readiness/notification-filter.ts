import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A network that drops notifications while `losing` is set, and forwards everything else. */
export interface NotificationFilter {
  /** The server's URL, through this filter. */
  url: string;
  /** Whether notifications are dropped. */
  losing: boolean;
  /** The number of dropped notifications. */
  readonly lost: number;
  close(): Promise<void>;
}

/** `A`: https://www.postgresql.org/docs/17/protocol-message-formats.html, NotificationResponse. */
const notification = 'A'.charCodeAt(0);

/** Starts a filter on a free port of the loopback address, in front of the database at `url`. */
export async function startNotificationFilter(url: string): Promise<NotificationFilter> {
  const { hostname, port: serverPort } = new URL(url);
  const sockets = new Set<Socket>();
  let lost = 0;
  const filtered = (state: { losing: boolean }, rest: Buffer, write: (message: Buffer) => void) => {
    let at = 0;
    while (rest.length - at >= 5) {
      const end = at + 1 + rest.readUInt32BE(at + 1);
      if (end > rest.length) break;
      if (state.losing && rest[at] === notification) lost += 1;
      else write(rest.subarray(at, end));
      at = end;
    }
    return rest.subarray(at);
  };

  const listener = createServer({ noDelay: true }, (client) => {
    const server = connect({ host: hostname, port: Number(serverPort), noDelay: true });
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => {
        sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    client.pipe(server);
    let rest: Buffer = Buffer.alloc(0);
    server.on('data', (chunk: Buffer) => {
      rest = filtered(filter, Buffer.concat([rest, chunk]), (message) => client.write(message));
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String(port);
  const filter: NotificationFilter = {
    url: through.href,
    losing: false,
    get lost() {
      return lost;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
  return filter;
}
