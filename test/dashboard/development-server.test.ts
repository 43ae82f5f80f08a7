import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, inject, test, vi } from 'vitest';
import { freePort } from '../../scripts/stack/ports.ts';
import { projectRoot } from '../../scripts/stack/project-root.ts';

const stack = inject('stack');

test('npm run dashboard serves the sources, and forwards other requests to the stack', async () => {
  const port = await freePort();
  const server = spawn('npm', ['run', 'dashboard', '--', '--port', String(port), '--strictPort'], {
    cwd: projectRoot,
    detached: true,
    env: { ...process.env, STACK_URL: stack.url },
  });
  const ended = once(server, 'exit');
  try {
    const url = `http://127.0.0.1:${port}`;
    await vi.waitFor(async () => expect((await fetch(url)).status).toBe(200), {
      timeout: 60_000,
      interval: 100,
    });
    expect(await (await fetch(url)).text()).toContain('/src/main.tsx');
    const configuration = await (await fetch(`${url}/config.json`)).json();
    expect(configuration.publishableKey).toBe(stack.publishableKey);
    const health = await fetch(`${url}/rest/v1/rpc/proxy_health`, {
      headers: { apikey: stack.publishableKey },
    });
    expect(health.status).toBe(200);
    const settings = await fetch(`${url}/auth/v1/settings`, {
      headers: { apikey: stack.publishableKey },
    });
    expect(settings.status).toBe(200);
  } finally {
    if (server.pid !== undefined) process.kill(-server.pid, 'SIGTERM');
    await ended;
  }
});
