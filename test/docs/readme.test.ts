import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { readBlock } from '../../scripts/docs/fenced-blocks.ts';
import { freePort } from '../../scripts/stack/ports.ts';
import { projectRoot } from '../../scripts/stack/project-root.ts';
import { listRelations, listRoutines } from '../support/catalog.ts';
import { startPlainTarget } from '../support/gateway/targets.ts';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';
import { connectOwner, newUser } from '../support/personas.ts';
import { copyDashboard } from '../support/stack/dashboard-copy.ts';

const read = (path: string) => readFileSync(join(projectRoot, path), 'utf8');
const readme = read('README.md');
const supabaseJs = read('docs/supabase-js.md');
const origin = 'http://127.0.0.1:54321';
const stack = inject('stack');
const sql = connectOwner();
afterAll(() => sql.end());
const run = promisify(execFile);

describe('the README and the pages that it links to', () => {
  it('mint a key with their curl command, and show the real form of the answer', async () => {
    const { token } = await newUser();
    const curl = readBlock('README.md', 'sh', 'curl -X POST').replace(origin, stack.url);
    const { stdout } = await run('bash', ['-c', `${curl.trimEnd()} --silent`], {
      env: { ...process.env, SUPABASE_JWT: token },
    });
    const { key } = JSON.parse(stdout);
    const shown = JSON.parse(readBlock('README.md', 'json', 'basicAuth')).key;
    expect(Object.keys(key)).toEqual(Object.keys(shown));
    const { label, tier, liveMode, bandwidthLimitBytes, rateLimit, active, rotatedAt } = shown;
    expect(key).toMatchObject({
      label,
      tier,
      liveMode,
      bandwidthLimitBytes,
      rateLimit,
      active,
      rotatedAt,
    });
    expect(shown.basicAuth).toBe(`${shown.keyId}:${shown.secret}`);
  });

  it('send traffic with their curl command', async () => {
    const { token, request } = await newUser();
    expect(token).not.toBe('');
    const minted = await request('POST', '/api/v1/proxy/keys', { label: 'from the README' });
    const { key } = (await minted.json()) as { key: { basicAuth: string } };
    const target = await startPlainTarget();
    const curl = readBlock('README.md', 'sh', 'curl -x')
      .replace('127.0.0.1:7777', new URL(stack.gatewayUrl).host)
      .replace('https://example.com/', `http://127.0.0.1:${target.port}/hello`);
    const { stdout } = await run('bash', ['-c', `${curl.trimEnd()} --silent --fail`], {
      env: { ...process.env, BASIC_AUTH: key.basicAuth },
    });
    expect(stdout).toBe('GET /hello');
    await target.close();
  });

  it('start a gateway with their command', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'proxy-keys-readme-'));
    const metricsPort = await freePort();
    const command = readBlock('docs/deploying.md', 'sh', 'npm run gateway\n')
      .replace(/"postgresql:[^"]+"/, `"${stack.gatewayDbUrl}"`)
      .replace('/var/lib/gateway-spool', `"${folder}"`)
      .replace('GATEWAY_HOST=0.0.0.0', 'GATEWAY_HOST=127.0.0.1');
    const gateway = spawn('bash', ['-c', command], {
      cwd: projectRoot,
      detached: true,
      env: {
        ...process.env,
        GATEWAY_PORT: String(await freePort()),
        GATEWAY_METRICS_PORT: String(metricsPort),
      },
    });
    const ended = once(gateway, 'exit');
    try {
      await vi.waitFor(
        async () => {
          const ready = await fetch(`http://127.0.0.1:${metricsPort}/readyz`);
          expect(ready.status).toBe(200);
        },
        { timeout: 60_000, interval: 50 },
      );
    } finally {
      // npm, its shell and the gateway
      if (gateway.pid !== undefined) process.kill(-gateway.pid, 'SIGTERM');
      await ended;
      await vi.waitFor(() => rmSync(folder, { recursive: true }), { timeout: 30_000 });
    }
  });

  it('build the dashboard for a project with their command', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'proxy-keys-readme-'));
    try {
      // a page with one script, as the real one was built before the run
      const checkout = await copyDashboard(folder);
      const command = readBlock('docs/deploying.md', 'sh', 'npm run build')
        .replace('<ref>', 'abcdefghijklmnopqrst')
        .replace('sb_publishable_…', 'sb_publishable_readme');
      const { stdout } = await run('bash', ['-c', command], { cwd: checkout.folder });
      expect(stdout).toContain('first load');
      expect(
        JSON.parse(readFileSync(join(checkout.folder, 'dashboard/dist/config.json'), 'utf8')),
      ).toEqual({
        supabaseUrl: 'https://abcdefghijklmnopqrst.supabase.co',
        publishableKey: 'sb_publishable_readme',
        gatewayUrl: 'http://gateway.example.com:7777',
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('sign in, mint and read with their supabase-js lines', async () => {
    const folder = join(projectRoot, 'node_modules', '.cache', 'readme');
    const file = join(folder, `${process.pid}.mjs`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      file,
      [
        `const publishableKey = ${JSON.stringify(stack.publishableKey)};`,
        readBlock('docs/supabase-js.md', 'ts', 'createClient').replace(origin, stack.url),
        'console.log(JSON.stringify({ key, keys, error }));',
        'process.exit(0);',
      ].join('\n'),
    );
    const { stdout } = await run(process.execPath, [file]).finally(() => rmSync(file));
    const { key, keys, error } = JSON.parse(stdout);
    expect(error).toBeNull();
    expect(key.basic_auth).toBe(`${key.key_id}:${key.secret}`);
    expect(keys.map((row: { key_id: string }) => row.key_id)).toContain(key.key_id);
  });

  it('name exactly what supabase-js may call or read', async () => {
    const named = (pattern: RegExp) =>
      new Set([...supabaseJs.matchAll(pattern)].map(([, name = '']) => name));
    const routines = await listRoutines(sql, ['public']);
    const rpcs = named(/rpc\('(\w+)'/g);
    // health checks use the route
    rpcs.add('proxy_health');
    // and `npm run verify` reads the version
    rpcs.add('proxy_schema_version');
    expect([...rpcs].sort()).toEqual([...new Set(routines.map(({ name }) => name))].sort());
    const relations = await listRelations(sql, ['public']);
    expect([...named(/from\('(\w+)'/g)].sort()).toEqual(relations.map(({ name }) => name).sort());
  });

  it('keep the README short', () => {
    expect(readme.split('\n').length).toBeLessThan(120);
  });
});

describe('the documented commands for a database', () => {
  const folder = mkdtempSync(join(tmpdir(), 'proxy-keys-readme-'));
  let own: OwnDatabase;

  beforeAll(async () => {
    own = await startOwnDatabase();
    // the CLI identifies its local database by the port in config.toml
    const { port } = new URL(own.dbUrl);
    cpSync(join(projectRoot, 'supabase'), join(folder, 'supabase'), { recursive: true });
    const config = join(folder, 'supabase', 'config.toml');
    writeFileSync(config, readFileSync(config, 'utf8').replace('port = 54322', `port = ${port}`));
  });

  afterAll(async () => {
    await own.stop();
    rmSync(folder, { recursive: true });
  });

  it('maintain the usage', async () => {
    const command = readBlock('docs/operating.md', 'sh', 'npm run maintain\n').replace(
      /"postgresql:[^"]+"/,
      `"${own.dbUrl}"`,
    );
    const { stdout } = await run('bash', ['-c', command], { cwd: projectRoot });
    expect(stdout).toMatch(/partitions/);
  });

  it.each(readBlock('CONTRIBUTING.md', 'sh', 'supabase migration new').trim().split('\n'))(
    'work: %s',
    async (line) => {
      const command = line
        .replace('54322', new URL(own.dbUrl).port)
        .replace('npx supabase', 'supabase');
      const { stdout } = await run('bash', ['-c', `${command} --workdir "$WORKDIR" </dev/null`], {
        env: {
          ...process.env,
          WORKDIR: folder,
          PATH: `${join(projectRoot, 'node_modules/.bin')}${delimiter}${process.env.PATH}`,
        },
        maxBuffer: 16 * 1024 * 1024,
      });
      if (line.includes('gen types')) expect(stdout).toContain('mint_proxy_key');
      // prints nothing if there are no findings
      if (line.includes('db advisors')) expect(stdout.trim()).toBe('');
    },
  );
});
