import { pino } from 'pino';
import { DroppedConnections } from '../../../gateway/listeners/dropped-connections.ts';
import { Listener } from '../../../gateway/listeners/listener.ts';
import { ProxyServer, type ProxyServerOptions } from '../../../gateway/proxy-server.ts';

/** A clear-text HTTP server on a free port of the loopback address. */
export async function startListeningServer(
  options: ProxyServerOptions,
): Promise<{ port: number; close(): Promise<void> }> {
  const server = new ProxyServer(options);
  const { connections, headTimeoutMs, onRefused } = options;
  const listener = new Listener({
    host: '127.0.0.1',
    port: 0,
    certificates: null,
    proxyProtocolFrom: [],
    stepMs: headTimeoutMs,
    connections,
    dropped: new DroppedConnections(pino({ level: 'silent' }), () => {}),
    take: (connection) => server.serve(connection),
    onRefused,
  });
  await listener.listen();
  return {
    port: listener.port,
    async close() {
      const closed = listener.close();
      server.close();
      await closed;
    },
  };
}
