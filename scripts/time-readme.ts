import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { alignColumns } from './aligned-table.ts';
import { readBlock } from './docs/fenced-blocks.ts';
import { projectRoot } from './stack/project-root.ts';

// `npm run time-readme` does what the README says, in a new clone: from `git clone` to a 200 through
// the gateway. Only the target differs: a local server in place of example.com, so that no network
// is needed. npm's cache is used as it is.

const readme = 'README.md';
const [install = '', start = ''] = readBlock(readme, 'sh', 'npm ci').trim().split(' && ');
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'time-readme-'));
const clone = join(folder, 'proxy keys');
const rows: string[][] = [];

/** Runs a step and adds a row with its time. */
async function timed<T>(step: string, work: () => Promise<T>): Promise<T> {
  console.error(`…  ${step}`);
  const startedAt = performance.now();
  const result = await work();
  rows.push([step, ((performance.now() - startedAt) / 1000).toFixed(1)]);
  return result;
}

/** Runs a command of the README in the clone and returns what it prints. */
async function shell(command: string, env: Record<string, string> = {}): Promise<string> {
  const { stdout } = await run('bash', ['-c', command], {
    cwd: clone,
    env: { ...process.env, ...env },
    maxBuffer: 16 * 1024 * 1024,
  });
  return stdout;
}

/** Starts the stack in its own process group and returns what it prints once it is ready. */
async function startStack(): Promise<{ child: ChildProcess; printed: string }> {
  const child = spawn('bash', ['-c', `exec ${start}`], {
    cwd: clone,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  for await (const text of child.stdout.setEncoding('utf8')) {
    printed += text;
    if (/^ {2}curl -x .*\n/m.test(printed)) return { child, printed };
  }
  throw new Error(`\`${start}\` stopped before it was ready:\n${printed}`);
}

/** The value that the stack printed after a name. */
function printedValue(name: string, printed: string): string {
  const [, value] = new RegExp(`^ *${name}(?: {2,}|=)(\\S+)$`, 'm').exec(printed) ?? [];
  if (!value) throw new Error(`\`${start}\` printed no ${name}.`);
  return value;
}

const target = createServer((_request, response) => response.end('hello\n')).listen(0, '127.0.0.1');
await once(target, 'listening');
const targetUrl = `http://127.0.0.1:${(target.address() as AddressInfo).port}/`;
let stack: ChildProcess | undefined;

try {
  await timed('git clone', () => run('git', ['clone', '--quiet', projectRoot, clone]));
  await timed(install, () => shell(install));
  const { child, printed } = await timed(start, startStack);
  stack = child;
  const answer = await timed('create a key', () =>
    shell(
      readBlock(readme, 'sh', 'curl -X POST').replace(
        'http://127.0.0.1:54321',
        printedValue('API', printed),
      ),
      { SUPABASE_JWT: printedValue('export SUPABASE_JWT', printed) },
    ),
  );
  const { key } = JSON.parse(answer) as { key: { basicAuth: string } };
  const page = await timed('send a request', () =>
    shell(
      readBlock(readme, 'sh', 'curl -x')
        .replace('127.0.0.1:7777', new URL(printedValue('Gateway', printed)).host)
        .replace('https://example.com/', `--fail ${targetUrl}`),
      { BASIC_AUTH: key.basicAuth },
    ),
  );
  if (page !== 'hello\n') throw new Error(`The target's page did not arrive: ${page}`);
  const total = rows.reduce((sum, [, seconds]) => sum + Number(seconds), 0);
  console.log(
    alignColumns([['step', 'seconds'], ...rows, [`${rows.length} steps`, total.toFixed(1)]], [1]),
  );
} finally {
  if (stack?.pid !== undefined) {
    const stopped = once(stack, 'exit');
    process.kill(-stack.pid, 'SIGINT');
    await stopped;
  }
  target.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
