import { once } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import type { Session } from '../../../gateway/session.ts';
import { relay } from '../../../gateway/tunnels/relay.ts';
import { Tunnel } from '../../../gateway/tunnels/tunnel.ts';
import { newEventId, type UsageEvent } from '../../../gateway/usage/usage-event.ts';
import { makeRelayScene } from './relay-scene.ts';

const key = { id: crypto.randomUUID(), keyId: 'avp_live_0123456789ab' };

/** A tunnel to a target, and what it reported. */
async function makeTunnel(record: Session['record'] = async () => {}) {
  const scene = await makeRelayScene();
  const events: UsageEvent[] = [];
  let charged = 0;
  const tunnel = new Tunnel({
    id: newEventId(),
    key,
    client: scene.client,
    target: scene.target,
    targetHost: 'example.com',
    method: 'CONNECT',
    outcome: () => ({ statusCode: 200 }),
    nodeId: 'test-node',
    now: () => performance.now(),
    session: {
      clock: () => Date.now(),
      record(event) {
        events.push(event);
        return record(event);
      },
      charge(_, bytes) {
        charged += bytes;
      },
    },
    close: () => {},
  });
  const totals = () => ({
    sent: events.reduce((sum, { bytesSent }) => sum + bytesSent, 0),
    received: events.reduce((sum, { bytesReceived }) => sum + bytesReceived, 0),
  });
  return { ...scene, tunnel, events, totals, charged: () => charged };
}

describe('slices', () => {
  it('add up to what the target saw, whenever they are cut', async () => {
    const { clientEnd, client, target, targetEnd, tunnel, events, totals, charged } =
      await makeTunnel();
    relay(client, target, { beforeEnd: () => tunnel.report() });
    clientEnd.on('data', () => void tunnel.report());
    targetEnd.resume();
    clientEnd.end(Buffer.alloc(3_000_001));
    targetEnd.end(Buffer.alloc(5_000_003));
    await once(clientEnd, 'end');
    await vi.waitFor(() => expect([target.closed, targetEnd.closed]).toEqual([true, true]));
    await tunnel.report();

    expect(events.length).toBeGreaterThan(2);
    expect(events.map(({ slice }) => slice)).toEqual([...events.keys()]);
    expect(new Set(events.map(({ tunnelId }) => tunnelId)).size).toBe(1);
    expect(new Set(events.map(({ eventId }) => eventId)).size).toBe(events.length);
    expect(totals()).toEqual({ sent: targetEnd.bytesRead, received: targetEnd.bytesWritten });
    expect(totals()).toEqual({ sent: 3_000_001, received: 5_000_003 });
    expect(charged()).toBe(8_000_004);
  });

  it('are none where nothing moved, but for the first', async () => {
    const { tunnel, events } = await makeTunnel();
    await tunnel.report();
    await tunnel.report();
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ slice: 0, bytesSent: 0, bytesReceived: 0 });
  });

  it('do not count what the target has not been given', async () => {
    const { target, targetEnd, tunnel, totals } = await makeTunnel();
    const size = 64 * 1_048_576;
    targetEnd.pause();
    target.end(Buffer.alloc(size));
    await tunnel.report();
    expect(totals().sent).toBeLessThan(size);

    targetEnd.resume();
    await once(targetEnd, 'end');
    await tunnel.report();
    expect(totals().sent).toBe(size);
  });
});

it.each([
  ['nothing', ''],
  ['something', 'bytes'],
])('a report waits for a slice on its way to the disk, with %s moved since', async (_, bytes) => {
  const written = Promise.withResolvers<void>();
  const { target, targetEnd, tunnel, events } = await makeTunnel(async ({ slice }) => {
    if (slice === 0) await written.promise;
  });
  const order: string[] = [];
  const swept = tunnel.report().then(() => order.push('swept'));
  targetEnd.resume();
  if (bytes) await new Promise((resolve) => target.write(bytes, resolve));
  const ended = tunnel.report().then(() => order.push('ended'));
  expect(events).toHaveLength(bytes ? 2 : 1);
  // as many turns as a promise without anything to wait for would need
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(order).toEqual([]);
  written.resolve();
  await Promise.all([swept, ended]);
  expect(order).toEqual(['swept', 'ended']);
});

it('a report fails where an earlier slice could not be written', async () => {
  let failures = 0;
  const { tunnel } = await makeTunnel(async () => {
    failures += 1;
    throw new Error('the spool is closed');
  });
  await expect(tunnel.report()).rejects.toThrow('closed');
  await expect(tunnel.report()).rejects.toThrow('closed');
  expect(failures).toBe(1);
});
