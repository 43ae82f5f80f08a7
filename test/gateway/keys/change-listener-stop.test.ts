import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { startTcpProxy, type TcpProxy } from '../../support/gateway/tcp-proxy.ts';

const stack = inject('stack');
const patient = { timeout: 60_000 };
let network: TcpProxy;
beforeEach(async () => {
  network = await startTcpProxy(stack.gatewayDbUrl);
});
afterEach(() => network.close());

/** A listener in its own process, whose timeouts are all an hour. */
function start(settings: Record<string, string> = {}) {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('./listener-process.ts', import.meta.url))],
    {
      env: {
        DATABASE_URL: network.through(stack.gatewayDbUrl),
        CHECK_URL: stack.gatewayDbUrl,
        ...settings,
      },
    },
  );
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  return {
    said: (word: string) => vi.waitFor(() => expect(output.split('\n')).toContain(word), patient),
    /** Stops it, and waits until its process exits because nothing keeps it alive. */
    async stop() {
      const ended = once(child, 'close');
      child.kill('SIGUSR2');
      const [code, signal] = await ended;
      return { code, signal, last: output.trim().split('\n').at(-1) };
    },
  };
}

const cleanly = { code: 0, signal: null, last: 'stopped' };

describe('a listener that is stopped leaves no socket and no timer', () => {
  it('while it listens', async () => {
    const child = start();
    await child.said('listening');
    expect(await child.stop()).toEqual(cleanly);
  });

  it('while a connection gets no answer', async () => {
    network.blackHole();
    const child = start();
    await vi.waitFor(() => expect(network.connections).toBe(1), patient);
    expect(await child.stop()).toEqual(cleanly);
  });

  it('while a heartbeat gets no answer', async () => {
    const child = start({ HEARTBEAT_MS: '1' });
    await child.said('listening');
    network.blackHole();
    expect(await child.stop()).toEqual(cleanly);
  });

  it('while it waits between two connections', async () => {
    network.cut();
    const child = start();
    await vi.waitFor(() => expect(network.accepted).toBeGreaterThanOrEqual(3), patient);
    expect(await child.stop()).toEqual(cleanly);
  });

  it('before it has connected', async () => {
    const child = start();
    await child.said('started');
    expect(await child.stop()).toEqual(cleanly);
  });
});

it('a listener that runs for long keeps no memory of its heartbeats', async () => {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('./listener-heap-process.ts', import.meta.url))],
    { env: { DATABASE_URL: stack.gatewayDbUrl }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [said] = await Promise.all([text(child.stdout), once(child, 'close')]);
  // a past bug kept 1,000 bytes of each
  expect(Number(said)).toBeLessThan(2_000 * 200);
  expect(said).toMatch(/^-?\d+\n$/);
});
