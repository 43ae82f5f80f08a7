import { once } from 'node:events';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type GatewayProcess, startGatewayProcess } from '../../support/gateway/gateway-process.ts';
import { startTcpTarget } from '../../support/gateway/targets.ts';
import { basic, request } from '../malformed-requests.ts';
import { converse } from './conversation.ts';

const script = fileURLToPath(new URL('./measured-gateway.ts', import.meta.url));
/** How long the gateway waits for a head, a target, or the next byte, in ms. */
export const shortMs = 1_000;
/** How long connections may take to close, in ms. */
const settleMs = 60_000;

/** The sockets and memory of an idle gateway. */
export interface Held {
  sockets: number;
  heapBytes: number;
}

/** A gateway under fuzzing, in its own process. */
export interface FuzzedGateway extends Pick<GatewayProcess, 'metric'> {
  port: number;
  /** Its exit code or signal, and its stderr; null while it runs and reports nothing. */
  failure(): string | null;
  /** Waits until no tunnel is open and usage is recorded. Rejects if sockets are left open. */
  settled(mostSockets?: number): Promise<Held>;
  /** Checks that a CONNECT and a plain request are served. Rejects if not. */
  serves(): Promise<void>;
  stop(): Promise<void>;
}

export async function startFuzzedGateway(
  databaseUrl: string,
  basicAuth: string,
): Promise<FuzzedGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-test-'));
  const good = await startTcpTarget((socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  });
  const gateway = startGatewayProcess(
    {
      GATEWAY_DATABASE_URL: databaseUrl,
      GATEWAY_PORT: '0',
      GATEWAY_METRICS_PORT: '0',
      GATEWAY_SPOOL_DIR: folder,
      GATEWAY_ALLOW_TARGETS: '127.0.0.0/8',
      GATEWAY_FLUSH_MS: '200',
      SHORT_MS: String(shortMs),
    },
    { script, nodeOptions: ['--expose-gc'], channel: true },
  );
  const { child, metric } = gateway;
  const failure = () => {
    const end = child.exitCode ?? child.signalCode;
    return end === null && gateway.stderr() === ''
      ? null
      : `ended with ${end}: ${gateway.stderr()}`;
  };
  const { port } = await gateway.ready();
  const socketsHeld = () => {
    const descriptors = `/proc/${child.pid}/fd`;
    return readdirSync(descriptors).filter((each) => {
      try {
        return readlinkSync(`${descriptors}/${each}`).startsWith('socket:');
      } catch {
        return false;
      }
    }).length;
  };
  const until = async (what: string, holds: () => Promise<boolean>) => {
    for (const startedAt = performance.now(); !(await holds()); await sleep(100)) {
      if (failure()) throw new Error(failure() ?? '');
      if (performance.now() - startedAt > settleMs)
        throw new Error(`not within ${settleMs} ms: ${what}`);
    }
  };
  const answerTo = async (text: string) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    return (await converse(socket, [['send', text]], { endsWithOther: true })).text;
  };
  await until('key changes arrive', async () => (await metric('gateway_listening')) === 1);
  return {
    port,
    failure,
    metric,
    async settled(mostSockets = Number.POSITIVE_INFINITY) {
      await until('no tunnel is open', async () => (await metric('gateway_open_tunnels')) === 0);
      await until('usage is recorded', async () => (await metric('gateway_spool_events')) === 0);
      let sockets = 0;
      await until(`there are ${mostSockets} sockets, and no more`, async () => {
        sockets = socketsHeld();
        return sockets <= mostSockets;
      });
      child.send('measure');
      const [heapBytes] = await Promise.race([
        once(child, 'message'),
        gateway.ended.then(() => Promise.reject(new Error(failure() ?? 'ended'))),
      ]);
      return { sockets, heapBytes };
    },
    async serves() {
      const authority = `127.0.0.1:${good.port}`;
      const opened = `${request(`CONNECT ${authority} HTTP/1.1`, basic(basicAuth))}hello`;
      const plain = request(
        `GET http://${authority}/ HTTP/1.1`,
        basic(basicAuth),
        'Connection: close',
      );
      for (const each of [opened, plain]) {
        const answer = await answerTo(each);
        if (!/^HTTP\/1\.1 200 .*\r\n\r\nok$/s.test(answer)) {
          throw new Error(`a good request is answered ${JSON.stringify(answer)}`);
        }
      }
    },
    async stop() {
      await Promise.all([gateway.kill(), good.close()]);
      rmSync(folder, { recursive: true });
    },
  };
}
