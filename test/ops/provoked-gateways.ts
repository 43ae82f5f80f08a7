import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { openSpool } from '../../gateway/usage/spool.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { freePort, listenOnLoopback } from '../../scripts/stack/ports.ts';
import { makeCertificateFolder } from '../gateway/listeners/certificate-folder.ts';
import { startNameServer } from '../gateway/targets/name-server.ts';
import { newEvent } from '../gateway/usage/spool-events.ts';
import {
  connectRequest,
  type RawAnswer,
  sendRaw,
  startTestGateway,
} from '../support/gateway/gateway-fixture.ts';
import {
  type GatewayProcess,
  startGatewayProcess,
  workersOf,
} from '../support/gateway/gateway-process.ts';
import { startTcpProxy } from '../support/gateway/tcp-proxy.ts';
import type { ProvokedDatabase } from './provoked-database.ts';

/** A gateway that is provoked until alerts fire. */
export interface ProvokedGateway {
  /** The host and port of its metrics. */
  instance: string;
  /** Provokes the alerts. Stops once `over` is aborted. */
  provoke(over: AbortSignal): Promise<unknown>;
  stop(): Promise<unknown>;
}

/** Starts such a gateway. */
type Provocation = (database: ProvokedDatabase) => Promise<ProvokedGateway>;

type Settings = Parameters<typeof startTestGateway>[0];

/** Repeats `work` until `over` is aborted; ignores failures. */
async function again(over: AbortSignal, work: () => Promise<unknown>): Promise<void> {
  while (!over.aborted) {
    await work().catch(() => {});
    await sleep(100);
  }
}

const instanceOf = (operationsUrl: string) => new URL(operationsUrl).host;

async function startInProcess(
  database: ProvokedDatabase,
  settings: Settings = {},
  clean: () => unknown = () => {},
) {
  const gateway = await startTestGateway({
    databaseUrl: database.gatewayDbUrl,
    databaseConnections: 3,
    drainMs: 0,
    ...settings,
  });
  const stop = async () => {
    await gateway.stop();
    await clean();
  };
  const ask = (target = `127.0.0.1:${database.targetPort}`, basicAuth = database.basicAuth) =>
    sendRaw(gateway.port, connectRequest(target, basicAuth));
  // a key that is in no cache
  const askAsStranger = () =>
    ask('127.0.0.1:80', `avp_live_${crypto.randomUUID().slice(-12)}:${'0'.repeat(64)}`);
  return { ...gateway, instance: instanceOf(gateway.operationsUrl), stop, ask, askAsStranger };
}

/** A gateway in its own process; `before` runs in its shell. */
async function startProcess(
  database: ProvokedDatabase,
  settings: Record<string, string> = {},
  before = 'true',
) {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-test-'));
  const gateway: GatewayProcess = startGatewayProcess(
    {
      GATEWAY_DATABASE_URL: database.gatewayDbUrl,
      GATEWAY_DATABASE_CONNECTIONS: '3',
      GATEWAY_PORT: '0',
      GATEWAY_METRICS_PORT: '0',
      GATEWAY_SPOOL_DIR: join(folder, 'spool'),
      GATEWAY_ALLOW_TARGETS: '127.0.0.0/8',
      GATEWAY_DRAIN_MS: '0',
      ...settings,
    },
    { node: 'sh', nodeOptions: ['-c', `${before} && exec "$0" "$@"`, process.execPath] },
  );
  const { port, operationsUrl } = await gateway.ready();
  const stop = async () => {
    gateway.child.kill('SIGCONT');
    await gateway.kill();
    rmSync(folder, { recursive: true });
  };
  return { gateway, port, operationsUrl, instance: instanceOf(operationsUrl), stop };
}

/** A healthy gateway. */
export const quiet: Provocation = async (database) => ({
  ...(await startProcess(database)),
  provoke: async () => {},
});

/** The provocations, by name. */
export const provocations = {
  /** Its operator stops it. */
  async stopped(database) {
    const gateway = await startInProcess(database);
    await gateway.stop();
    return { ...gateway, provoke: async () => {}, stop: async () => {} };
  },

  /** It loses its database, with a tunnel that is not recorded yet. */
  async cutOff(database) {
    const proxy = await startTcpProxy(database.gatewayDbUrl);
    const databaseUrl = proxy.through(database.gatewayDbUrl);
    const gateway = await startInProcess(database, { databaseUrl }, () => proxy.close());
    return {
      ...gateway,
      async provoke(over) {
        let tunnel: RawAnswer | undefined;
        while (tunnel?.status !== 200) tunnel = await gateway.ask();
        proxy.cut();
        tunnel.socket.destroy();
        await again(over, () => gateway.askAsStranger());
      },
    };
  },

  /** Its disk has room for a file of one event, but not of two. */
  async fullDisk(database) {
    const { port, ...gateway } = await startProcess(database, {}, 'ulimit -f 1');
    const request = connectRequest(`127.0.0.1:${database.targetPort}`, database.basicAuth);
    const open = async () => (await sendRaw(port, request)).socket;
    return {
      ...gateway,
      provoke: (over) =>
        again(over, async () => {
          const sockets = await Promise.all(Array.from({ length: 5 }, open));
          for (const socket of sockets) socket.destroy();
        }),
    };
  },

  /** An event belongs to a key that the database does not know. */
  async strayEvent(database) {
    const folder = mkdtempSync(join(tmpdir(), 'gateway-test-'));
    const spoolDirectory = join(folder, 'spool');
    const log = pino({ level: 'silent' });
    const spool = await openSpool({ directory: spoolDirectory, log });
    await spool.append(newEvent({ apiKeyId: crypto.randomUUID() }));
    await spool.close();
    const clean = () => rmSync(folder, { recursive: true });
    const gateway = await startInProcess(database, { spoolDirectory }, clean);
    return { ...gateway, provoke: async () => {} };
  },

  /** Its database is slow to look up keys and to record usage. */
  async slowDatabase(database) {
    const gateway = await startInProcess(database, { databaseUrl: database.slowGatewayDbUrl });
    return {
      ...gateway,
      provoke: (over) =>
        Promise.all([
          ...Array.from({ length: 6 }, () => again(over, () => gateway.askAsStranger())),
          again(over, async () => (await gateway.ask()).socket.destroy()),
          again(over, () => database.lockUsage()),
        ]),
    };
  },

  /** Its name server is slow, and the names resolve to a closed port. */
  async deadTargets(database) {
    const closed = await freePort();
    const names = await startNameServer(async (type) => {
      await sleep(1_200);
      return type === 'A' ? { addresses: ['127.0.0.1'] } : {};
    });
    const gateway = await startInProcess(database, { dnsServers: [names.address] }, () =>
      names.close(),
    );
    return {
      ...gateway,
      provoke: (over) =>
        again(over, () => gateway.ask(`host-${crypto.randomUUID()}.example:${closed}`)),
    };
  },

  /** It does not get enough processor time. */
  async starved(database) {
    const { gateway, ...started } = await startProcess(database);
    return {
      ...started,
      provoke: (over) =>
        again(over, async () => {
          gateway.child.kill('SIGSTOP');
          await sleep(400);
          gateway.child.kill('SIGCONT');
          await sleep(300);
        }),
    };
  },

  /** Its clock, certificate, Redis URL and limit of open files are all wrong. */
  async neglected(database) {
    const certificate = makeCertificateFolder();
    certificate.write({ validTo: new Date(Date.now() + 3 * 86_400_000) });
    const { certificateFile, keyFile } = certificate;
    const gateway = await startInProcess(
      database,
      {
        hostNow: () => Date.now() - 3_600_000,
        tls: { port: 0, certificateFile, keyFile },
        redisUrl: `redis://127.0.0.1:${await freePort()}`,
        descriptorLimit: 40,
      },
      certificate.remove,
    );
    return {
      ...gateway,
      async provoke() {
        for (let open = 0; open < 14; open += 1) await gateway.ask();
      },
    };
  },

  /** Its workers are killed. */
  async bereft(database) {
    const { gateway, ...started } = await startProcess(database, { GATEWAY_WORKERS: '2' });
    return {
      ...started,
      provoke: (over) =>
        again(over, async () => {
          const [worker] = workersOf(gateway);
          if (worker !== undefined) process.kill(worker, 'SIGKILL');
          await sleep(2_000);
        }),
    };
  },
} satisfies Record<string, Provocation>;

/** A gateway of another version: this one's metrics, with another version label. */
export async function relayOlder(instance: string): Promise<ProvokedGateway> {
  const server = createServer(async (_, response) => {
    const answer = await fetch(`http://${instance}/metrics`).catch(() => null);
    const text = (await answer?.text()) ?? '';
    response.end(text.replace(`version="${packageJson.version}"`, 'version="0.0.1"'));
  });
  const port = await listenOnLoopback(server, 0, 'The relay');
  return {
    instance: `127.0.0.1:${port}`,
    provoke: async () => {},
    stop: async () => server.close(),
  };
}
