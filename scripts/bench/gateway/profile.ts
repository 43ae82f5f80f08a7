import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { startStack } from '../../stack/stack.ts';
import { openScene } from '../scene.ts';
import { type Peer, startProxies } from './proxies.ts';

// Prints the CPU time per CONNECT and profiles the gateway:
// `node scripts/bench/gateway/profile.ts [connections] [seconds] [workers]`. It opens and closes CONNECTs in a
// loop through the gateway and the proxies that it is compared with. Linux only.

const [connections = 64, seconds = 8, workers = 1] = process.argv.slice(2).map(Number);
/** The unit of times in /proc. */
const ticksPerSecond = 100;
const warmUpMs = 3_000;

const folder = mkdtempSync(join(tmpdir(), 'gateway-profile-'));
const abort = new AbortController();
const { signal } = abort;
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => abort.abort());
await using undo = new AsyncDisposableStack();
const stack = await startStack({ ephemeral: true, dashboard: false, durable: true, signal });
undo.defer(() => stack.stop());
const sql = postgres(stack.dbUrl, { max: 2, onnotice: () => {} });
undo.defer(() => sql.end({ timeout: 1 }));
const scene = await openScene(sql, stack.keysFile);
const flags = ['--cpu-prof', `--cpu-prof-dir=${folder}`];
const { load, gateway, bare, squid } = undo.use(
  await startProxies({ stack, sql, scene }, { flags, workers }),
);
if (squid) await run('Squid', squid);
await run('bare relay', bare);
await run('gateway', gateway);
// the gateway writes its profile when it exits
await gateway.process.stop();
for (const file of readdirSync(folder)) {
  console.log(`${join(folder, file)} opens in Chromium's developer tools, under Performance`);
}

async function run(name: string, { process: proxy, request }: Peer): Promise<void> {
  signal.throwIfAborted();
  const asked = { proxyPort: proxy.port, request, connections };
  await load.ask('connects', { ...asked, milliseconds: warmUpMs });
  await gateway.process.recorded();
  const backends = await sql<{ pid: number }[]>`select pid from pg_stat_activity`;
  const own = [proxy.processId, ...childrenOf(proxy.processId)];
  const used = () => [...own.map((pid) => [pid]), backends.map(({ pid }) => pid)].map(cpuSeconds);
  const before = used();
  const { elapsedMs, setUps } = await load.ask('connects', {
    ...asked,
    milliseconds: 1_000 * seconds,
  });
  await gateway.process.recorded();
  const each = used().map((after, index) =>
    (((after - (before[index] ?? 0)) * 1e6) / setUps.length).toFixed(0),
  );
  console.log(
    `${name}: ${((setUps.length / elapsedMs) * 1_000).toFixed(0)} CONNECTs per second; ` +
      `µs of CPU per CONNECT: ${each.slice(0, -1).join(' + ')} in its processes, ${each.at(-1)} in Postgres`,
  );
}

/** The CPU time of processes; 0 for those that have exited. */
function cpuSeconds(processIds: number[]): number {
  let ticks = 0;
  for (const id of processIds) {
    try {
      // after the name, which may contain anything: state, then user and system time at 11 and 12
      const fields = readFileSync(`/proc/${id}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
      ticks += Number(fields[11]) + Number(fields[12]);
    } catch {}
  }
  return ticks / ticksPerSecond;
}

/** A gateway's workers. */
function childrenOf(processId: number): number[] {
  const children = readFileSync(`/proc/${processId}/task/${processId}/children`, 'utf8');
  return children.split(' ').filter(Boolean).map(Number);
}
