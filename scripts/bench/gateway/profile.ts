import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { startStack } from '../../stack/stack.ts';
import { openScene } from '../scene.ts';
import { readProfile } from './cpu-profile.ts';
import type { Program } from './measured-process.ts';
import { type Peer, startProxies } from './proxies.ts';

// Says where the time of a CONNECT goes: `node scripts/bench/gateway/profile.ts [connections] [seconds]`.
// CONNECTs are closed once they are answered, in a loop, through the gateway and what it is compared
// with. Linux alone. A profile counts time that passes: where others use the machine it is more than the
// CPU time, which is said first.

const [connections = 64, seconds = 8] = process.argv.slice(2).map(Number);
/** Of /proc's times. */
const ticksPerSecond = 100;
const warmUpMs = 3_000;
const rows = 30;

const folder = mkdtempSync(join(tmpdir(), 'gateway-profile-'));
const abort = new AbortController();
const { signal } = abort;
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => abort.abort());
const stack = await startStack({ ephemeral: true, dashboard: false, durable: true, signal });
const sql = postgres(stack.dbUrl, { max: 2, onnotice: () => {} });
try {
  const scene = await openScene(sql, stack.keysFile);
  const flags = ['--cpu-prof', `--cpu-prof-dir=${folder}`];
  await using proxies = await startProxies({ stack, sql, scene }, flags);
  const { load, gateway, bare, squid } = proxies;
  const run = async (name: string, { process: proxy, request }: Peer<Program>) => {
    signal.throwIfAborted();
    const asked = { proxyPort: proxy.port, request: request.toString(), connections };
    await load.connects({ ...asked, milliseconds: warmUpMs });
    await gateway.process.recorded();
    const database = (await sql<{ pid: number }[]>`select pid from pg_stat_activity`).map(
      ({ pid }) => pid,
    );
    const used = () =>
      [[proxy.processId], database, [load.processId]].map((ids) => cpuSeconds(ids));
    const before = used();
    const from = process.hrtime.bigint();
    const { elapsedMs, setUps } = await load.connects({ ...asked, milliseconds: 1_000 * seconds });
    const to = process.hrtime.bigint();
    await gateway.process.recorded();
    const [own, postgres, loaded] = used().map((after, index) =>
      (((after - (before[index] ?? 0)) * 1e6) / setUps.length).toFixed(0),
    );
    console.log(
      `${name}: ${((setUps.length / elapsedMs) * 1_000).toFixed(0)} CONNECTs a second; ` +
        `µs of CPU each: ${own} its process, ${postgres} Postgres, ${loaded} the load`,
    );
    return { from, to, count: setUps.length };
  };
  if (squid) await run('Squid', squid);
  await run('bare relay', bare);
  const { from, to, count } = await run('gateway', gateway);
  // it writes its profile when it ends
  await gateway.process.stop();
  for (const file of readdirSync(folder)) {
    const spent = readProfile(join(folder, file), from, to);
    print('our file that asked for it, or what of Node did', spent.files, count);
    print('function, without what it calls', spent.functions, count);
    console.log(`\n${join(folder, file)} opens in Chromium's developer tools`);
  }
} finally {
  await sql.end({ timeout: 1 });
  await stack.stop();
}

/** What processes have used; those that are gone count as nothing. */
function cpuSeconds(processIds: number[]): number {
  let ticks = 0;
  for (const id of processIds) {
    try {
      // after the name, which may hold anything: state, then user and system time at 11 and 12
      const fields = readFileSync(`/proc/${id}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
      ticks += Number(fields[11]) + Number(fields[12]);
    } catch {}
  }
  return ticks / ticksPerSecond;
}

function print(title: string, spent: [string, number][], count: number): void {
  const all = spent.reduce((sum, [, time]) => sum + time, 0);
  console.log(`\nµs of the main thread each, of ${(all / count).toFixed(1)}, by ${title}`);
  for (const [name, time] of spent.slice(0, rows)) {
    console.log(`${(time / count).toFixed(1).padStart(7)}  ${name}`);
  }
}
