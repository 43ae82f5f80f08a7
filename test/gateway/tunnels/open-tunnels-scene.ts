import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { pino } from 'pino';
import { KeyCache } from '../../../gateway/keys/key-cache.ts';
import { createPool, lookUpWith } from '../../../gateway/keys/key-lookup.ts';
import { type ClosingOrder, KeysInUse } from '../../../gateway/keys/keys-in-use.ts';
import { QuotaLedger } from '../../../gateway/limits/quota-ledger.ts';
import { OpenTunnels } from '../../../gateway/tunnels/open-tunnels.ts';
import { Tunnel } from '../../../gateway/tunnels/tunnel.ts';
import { newEventId, type UsageEvent } from '../../../gateway/usage/usage-event.ts';
import { startTcpTarget, type TargetServer } from '../../support/gateway/targets.ts';
import { startTcpProxy, type TcpProxy } from '../../support/gateway/tcp-proxy.ts';

/** Open tunnels over real sockets, with a real database over a network that can fail. */
export interface OpenTunnelsScene {
  tunnels: OpenTunnels;
  inUse: KeysInUse;
  keys: KeyCache;
  ledger: QuotaLedger;
  network: TcpProxy;
  /** The monotonic clock, and the database's. */
  clock: { now: number; at: number };
  /** The reported events. */
  events: UsageEvent[];
  logged: string[];
  /** The keyIds of all lookups. */
  asked: string[];
  /** While set, database answers are held until it resolves. */
  hold: { until: Promise<void> | undefined };
  /** A tunnel of a key, through which bytes can be sent. */
  open(keyId: string, clientAddress?: string): Promise<OpenTunnel>;
  /** Runs a sweep, and waits for its lookups. */
  sweep(): Promise<void>;
  /** Resolves when no lookup is running. */
  settled(): Promise<void>;
  /** Tells the gateway of a change, as a notification does. */
  tell(keyId: string): Promise<void>;
  close(): Promise<void>;
}

export interface OpenTunnel {
  tunnel: Tunnel;
  readonly open: boolean;
  send(bytes: number): Promise<void>;
  end(): Promise<void>;
}

export async function openTunnelsScene(options: {
  databaseUrl: string;
  reportMs?: number;
  idleMs?: number;
  /** Stands for the spool. */
  record?: (event: UsageEvent) => Promise<void>;
}): Promise<OpenTunnelsScene> {
  const clock = { now: 0, at: Date.now() };
  const now = () => clock.now;
  const events: UsageEvent[] = [];
  const logged: string[] = [];
  const asked: string[] = [];
  const hold: OpenTunnelsScene['hold'] = { until: undefined };
  const log = pino({ level: 'trace' }, { write: (line: string) => logged.push(line) });
  const network = await startTcpProxy(options.databaseUrl);
  const target: TargetServer = await startTcpTarget((socket) => socket.resume());
  const pool = createPool({
    databaseUrl: network.through(options.databaseUrl),
    connections: 4,
    timeoutMs: 1_000,
    log,
  });
  const lookUp = lookUpWith(pool);
  let underWay = 0;
  const keys = new KeyCache({
    now,
    async lookUp(keyId) {
      asked.push(keyId);
      underWay += 1;
      try {
        const record = await lookUp(keyId);
        await hold.until;
        return record;
      } finally {
        underWay -= 1;
      }
    },
  });
  keys.switchOn();
  const ledger = new QuotaLedger(now);
  const inUse = new KeysInUse({ keys, ledger, log, now });
  const tunnels = new OpenTunnels({
    log,
    reportMs: options.reportMs ?? 5_000,
    idleMs: options.idleMs ?? 24 * 3_600_000,
  });
  const holder = {
    closeTunnels: (keyId: string, order: ClosingOrder) => tunnels.close(keyId, order),
  };
  const sockets = new Set<Socket>();

  const settled = async () => {
    do await new Promise((resolve) => setImmediate(resolve));
    while (underWay > 0);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    tunnels,
    inUse,
    keys,
    ledger,
    network,
    clock,
    events,
    logged,
    asked,
    hold,
    settled,
    async open(keyId, clientAddress = '127.0.0.1') {
      const answer = await keys.get(keyId);
      const { record: key } = answer;
      if (!key) throw new Error('no such key');
      inUse.take(holder, keyId, answer);
      const socket = connect(target.port, '127.0.0.1');
      sockets.add(socket);
      await once(socket, 'connect');
      const tunnel = new Tunnel({
        id: newEventId(),
        key,
        client: { remoteAddress: clientAddress },
        target: socket,
        targetHost: 'target.example',
        method: 'CONNECT',
        outcome: () => ({ statusCode: 200 }),
        nodeId: 'node',
        now,
        session: {
          clock: () => clock.at,
          record: options.record ?? (async (event) => void events.push(event)),
          charge: (apiKeyId, bytes) => ledger.add(apiKeyId, bytes),
        },
        close: () => socket.destroy(),
      });
      tunnels.add(tunnel);
      socket.once('close', () => {
        inUse.release(holder, keyId);
        tunnels.remove(tunnel);
      });
      return {
        tunnel,
        get open() {
          return !socket.destroyed;
        },
        send: (bytes) =>
          new Promise((resolve) => socket.write(Buffer.alloc(bytes), () => resolve())),
        async end() {
          socket.destroy();
          await once(socket, 'close');
        },
      };
    },
    async sweep() {
      tunnels.sweep();
      inUse.sweep();
      await settled();
    },
    async tell(keyId) {
      keys.drop(keyId);
      inUse.changed(keyId);
      await settled();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await target.close();
      await pool.end();
      await network.close();
    },
  };
}
