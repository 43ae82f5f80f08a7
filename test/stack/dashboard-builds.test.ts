import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { runBuild } from '../dashboard/build-command.ts';
import { copyDashboard, type DashboardCopy } from '../dashboard/dashboard-copy.ts';
import { type StartCommand, startCommand, until } from './start-command.ts';

const parent = mkdtempSync(join(tmpdir(), 'dashboard-stack-'));
/** While this file is there, a build begins and does not end. */
const gate = join(parent, 'closed');
let checkout: DashboardCopy;
beforeAll(async () => {
  // Postgres may run as another user
  chmodSync(parent, 0o755);
  checkout = await copyDashboard(parent);
  const file = join(checkout.folder, 'dashboard/vite.config.ts');
  writeFileSync(
    file,
    `import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
while (existsSync(${JSON.stringify(gate)})) await sleep(10);
${readFileSync(file, 'utf8')}`,
  );
});
afterAll(() => rmSync(parent, { recursive: true, force: true, maxRetries: 5 }));
beforeEach(() => {
  rmSync(gate, { force: true });
  rmSync(join(checkout.folder, 'dashboard/dist'), { recursive: true, force: true });
  checkout.write('document.title = "as it was";');
});

const startEphemeral = () => startCommand({ checkout: checkout.folder });
const builders = (command: StartCommand) =>
  command.processes().filter(({ command: line }) => line.includes('scripts/build.ts'));

/** The page's script, as the page names it. */
async function loadScript(url: string): Promise<string> {
  const page = await fetch(`${url}/developer/`);
  expect(page.status).toBe(200);
  const [, path = ''] = /src="\.\/([^"]+\.js)"/.exec(await page.text()) ?? [];
  return (await fetch(`${url}/developer/${path}`)).text();
}

test('the first request builds the page, once for all who wait, and prints nothing', async () => {
  writeFileSync(gate, '');
  const command = startEphemeral();
  const { url } = await command.readyLine();
  expect(builders(command)).toEqual([]);

  const waiting = Array.from({ length: 5 }, () => loadScript(url));
  await until(() => builders(command).length > 0);
  // what needs no build does not wait for it
  expect((await fetch(`${url}/developer/config.json`)).status).toBe(200);
  expect((await fetch(`${url}/api/v1/health`)).status).toBe(200);
  expect(builders(command)).toHaveLength(1);
  rmSync(gate);
  for (const script of await Promise.all(waiting)) expect(script).toContain('as it was');
  const builds = readdirSync(buildsOf(command));
  expect(builds).toHaveLength(1);

  // the next finds it
  writeFileSync(gate, '');
  expect(await loadScript(url)).toContain('as it was');
  expect(readdirSync(buildsOf(command))).toEqual(builds);
  expect(command.stdout()).toMatch(/^\{[^\n]+\}\n$/);
  expect(existsSync(join(checkout.folder, 'dashboard/dist'))).toBe(false);
  await expectToStopWholeWhileItBuilds(command, url, 'SIGINT');
});

test('a build that fails, or has no sources, is told, the stack goes on, and the next request tries again', async () => {
  const command = startEphemeral();
  const { url } = await command.readyLine();
  checkout.write('import "./missing.ts";');
  for (const _ of ['first', 'again']) {
    const refused = await fetch(`${url}/developer/`);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('Content-Type')).toBe('text/plain; charset=utf-8');
    expect(refused.headers.get('Cache-Control')).toBe('no-store');
    expect(refused.headers.get('Retry-After')).toMatch(/^\d+$/);
    expect(refused.headers.get('Content-Security-Policy')).toContain("default-src 'none'");
    const words = await refused.text();
    expect(words).toContain('The dashboard could not be built.');
    expect(words).toContain('missing.ts');
    expect(words).toContain('load the page again');
    // words, and no terminal's colours
    expect(words).not.toContain('\u001b');
  }
  expect((await fetch(`${url}/api/v1/health`)).status).toBe(200);

  checkout.write('document.title = "mended";');
  expect(await loadScript(url)).toContain('mended');
  checkout.write('document.title = "changed";');
  expect(await loadScript(url)).toContain('changed');

  const lock = join(checkout.folder, 'package-lock.json');
  const text = readFileSync(lock);
  rmSync(lock);
  const refused = await fetch(`${url}/developer/`);
  writeFileSync(lock, text);
  expect(refused.status).toBe(503);
  expect(await refused.text()).toContain('package-lock.json');
  expect((await fetch(`${url}/developer/`)).status).toBe(200);
  expect(command.child.exitCode).toBeNull();
  await expectToStopWholeWhileItBuilds(command, url, 'SIGTERM');
});

test('what `npm run build` made of the same sources is served, even once it is gone', async () => {
  const dist = join(checkout.folder, 'dashboard/dist');
  expect(await runBuild(dist, {}, checkout.folder)).toMatchObject({ code: 0 });
  writeFileSync(gate, '');
  const command = startEphemeral();
  const { url } = await command.readyLine();
  expect(await loadScript(url)).toContain('as it was');
  rmSync(dist, { recursive: true });
  expect(await loadScript(url)).toContain('as it was');
  expect(builders(command)).toEqual([]);
});

test('a kept stack builds it before anybody asks, after it is ready, and keeps it', async () => {
  writeFileSync(gate, '');
  const first = startCommand({ args: [], checkout: checkout.folder });
  // ready while the build has not ended
  expect(await first.output()).toMatch(/^Dashboard +http:\/\/127\.0\.0\.1:\d+\/developer$/m);
  await until(() => builders(first).length > 0);
  rmSync(gate);
  const folder = join(checkout.state, 'dashboard');
  await until(() => builders(first).length === 0);
  const builds = readdirSync(folder);
  expect(builds).toHaveLength(1);
  const url = `http://127.0.0.1:${checkout.apiPort}`;
  expect(await loadScript(url)).toContain('as it was');
  first.child.kill('SIGINT');
  expect(await first.ended).toBe(0);
  expect(first.processes()).toEqual([]);

  // with the gate closed, it could not build another
  writeFileSync(gate, '');
  const second = startCommand({ args: [], checkout: checkout.folder });
  await second.output();
  expect(await loadScript(url)).toContain('as it was');
  expect(readdirSync(folder)).toEqual(builds);
  expect(builders(second)).toEqual([]);
  second.child.kill('SIGINT');
  expect(await second.ended).toBe(0);

  // of other sources, the next start makes another and removes this one
  rmSync(gate);
  checkout.write('document.title = "of today";');
  const third = startCommand({ args: [], checkout: checkout.folder });
  await third.output();
  expect(await loadScript(url)).toContain('of today');
  expect(readdirSync(folder)).toHaveLength(1);
  expect(readdirSync(folder)).not.toEqual(builds);
});

test('a kept stack whose build hangs stops whole', async () => {
  writeFileSync(gate, '');
  checkout.write('document.title = "never built";');
  const command = startCommand({ args: [], checkout: checkout.folder });
  await command.output();
  await until(() => builders(command).length > 0);
  command.ctrlC();
  expect(await command.ended).toBe(0);
  expect(command.processes()).toEqual([]);
});

/** Where an ephemeral stack keeps its builds. */
function buildsOf(command: StartCommand): string {
  const [root = ''] = readdirSync(command.temporary);
  return join(command.temporary, root, 'dashboard');
}

async function expectToStopWholeWhileItBuilds(
  command: StartCommand,
  url: string,
  signal: NodeJS.Signals,
): Promise<void> {
  writeFileSync(gate, '');
  checkout.write('document.title = "never built";');
  const cut = fetch(`${url}/developer/`).then(
    ({ status }) => status,
    () => 'cut off',
  );
  await until(() => builders(command).length > 0);
  command.child.kill(signal);
  expect(await command.ended).toBe(0);
  expect(command.processes()).toEqual([]);
  expect(readdirSync(command.temporary)).toEqual([]);
  expect([503, 'cut off']).toContain(await cut);
}
