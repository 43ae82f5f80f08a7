import { readdirSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { askBy } from '../../support/both-ways.ts';
import { calls } from '../../support/calls.ts';
import { workersOf } from '../../support/gateway/gateway-process.ts';
import { many, runReady, workersScene } from './workers-scene.ts';

const { owner, newKey, open, openMany } = workersScene();
const descriptorsOf = (pid: number) => readdirSync(`/proc/${pid}/fd`).length;

describe('limits apply over all workers', () => {
  it('tunnels: up to the key’s limit, and each closed one makes room for another', async () => {
    const { gateway, port } = await runReady();
    const key = await newKey({ rate_limit: 1_000, tunnel_limit: 20 });
    const answers = await openMany(port, key);
    const tunnels = answers.filter(({ status }) => status === 200);
    expect(tunnels).toHaveLength(20);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.every(({ body }) => body.startsWith('tunnel_limit_reached:'))).toBe(true);
    expect(refused).toHaveLength(many - 20);
    expect(await gateway.metric('gateway_open_tunnels')).toBeLessThanOrEqual(20);
    for (const { socket } of tunnels.slice(0, 5)) socket.destroy();
    await vi.waitFor(async () => {
      const again = (await openMany(port, key, 20)).filter(({ status }) => status === 200);
      tunnels.push(...again);
      expect(tunnels).toHaveLength(25);
    });
  });

  it('rate: a burst of one second plus the tokens added since', async () => {
    const { port } = await runReady();
    const key = await newKey({ rate_limit: 20, tunnel_limit: 1_000 });
    // fills the cache; the bucket is full again afterwards
    await open(port, key);
    const startedAt = performance.now();
    const answers = await openMany(port, key);
    const seconds = (performance.now() - startedAt) / 1_000;
    const allowed = answers.filter(({ status }) => status === 200).length;
    expect(allowed).toBeGreaterThanOrEqual(19);
    expect(allowed).toBeLessThanOrEqual(20 + Math.ceil(seconds * 20));
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(many - allowed);
  });

  it('quota: bytes through one worker close the tunnels of all', async () => {
    const { port } = await runReady();
    const key = await newKey({
      rate_limit: 1_000,
      tunnel_limit: 1_000,
      bandwidth_limit_bytes: 100_000,
    });
    const tunnels = await openMany(port, key);
    tunnels[0]?.socket.write(Buffer.alloc(100_000));
    for (const { socket } of tunnels) socket.on('error', () => {}).resume();
    await vi.waitFor(() => expect(tunnels.every(({ socket }) => socket.destroyed)).toBe(true));
    const next = await openMany(port, key, 10);
    expect(new Set(next.map(({ status }) => status))).toEqual(new Set([402]));
  });

  it('revocation: a deleted key is refused by every worker, and its tunnels are closed', async () => {
    const { gateway, port } = await runReady();
    const key = await newKey({ rate_limit: 1_000, tunnel_limit: 1_000 });
    const tunnels = await openMany(port, key);
    for (const { socket } of tunnels) socket.on('error', () => {}).resume();
    expect((await askBy.rpc(calls.delete(owner().persona, key.id))).status).toBeLessThan(300);
    await vi.waitFor(() => expect(tunnels.every(({ socket }) => socket.destroyed)).toBe(true));
    const next = await openMany(port, key);
    expect(new Set(next.map(({ status }) => status))).toEqual(new Set([407]));
    expect(await gateway.metric('gateway_connects_total', { status: '407' })).toBe(many);
    expect(await gateway.metric('gateway_connects_total', { status: '200' })).toBe(many);
  });
});

describe('a worker that dies', () => {
  it('is replaced; its tunnels no longer count, and those of others continue', async () => {
    const { gateway, port } = await runReady();
    const idle = workersOf(gateway).map(descriptorsOf);
    const key = await newKey({ rate_limit: 1_000, tunnel_limit: many });
    const tunnels = await openMany(port, key);
    expect(tunnels.every(({ status }) => status === 200)).toBe(true);
    // each worker has some of them
    for (const [index, pid] of workersOf(gateway).entries()) {
      expect(descriptorsOf(pid)).toBeGreaterThan(idle[index] ?? 0);
    }
    for (const { socket } of tunnels) socket.on('error', () => {}).resume();
    const [victim = 0, ...others] = workersOf(gateway);
    process.kill(victim, 'SIGKILL');
    await vi.waitFor(async () => {
      expect(workersOf(gateway)).toHaveLength(3);
      expect(await gateway.metric('gateway_workers_replaced_total')).toBe(1);
    });
    expect(workersOf(gateway)).toEqual(expect.arrayContaining(others));
    const alive = tunnels.filter(({ socket }) => !socket.destroyed);
    expect(alive.length).toBeGreaterThan(0);
    expect(alive.length).toBeLessThan(many);
    await vi.waitFor(async () =>
      expect(await gateway.metric('gateway_open_tunnels')).toBe(alive.length),
    );
    const again = await openMany(port, key);
    const room = many - alive.length;
    expect(again.filter(({ status }) => status === 200)).toHaveLength(room);
    expect(again.filter(({ status }) => status === 429)).toHaveLength(many - room);
    for (const { socket } of alive) {
      socket.end('still here');
      await vi.waitFor(() => expect(socket.destroyed).toBe(true));
    }
  });

  it('leaves no charged bytes that will never be reported', async () => {
    const { gateway, port } = await runReady({ GATEWAY_FLUSH_MS: '60000' });
    const key = await newKey({
      rate_limit: 1_000,
      tunnel_limit: 1_000,
      bandwidth_limit_bytes: 1_000_000,
    });
    const use = async (bytes: number) => {
      const tunnel = await open(port, key);
      expect(tunnel.status).toBe(200);
      let got = 0;
      tunnel.socket
        .on('error', () => {})
        .on('data', (chunk) => {
          got += chunk.length;
        });
      tunnel.socket.resume();
      tunnel.socket.write(Buffer.alloc(bytes));
      await vi.waitFor(() => expect(got).toBe(bytes));
    };
    await use(450_000);
    // it is charged at the next sweep, but too young to be reported
    await vi.waitFor(async () => expect(await gateway.metric('gateway_open_tunnels')).toBe(1));
    for (const pid of workersOf(gateway)) process.kill(pid, 'SIGKILL');
    await vi.waitFor(async () =>
      expect(await gateway.metric('gateway_workers_replaced_total')).toBe(3),
    );
    // a new worker may not listen yet
    await vi.waitFor(() => open(port, key));
    await use(450_000);
    const { status } = await open(port, key);
    expect(status).toBe(200);
  });
});
