import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it, vi } from 'vitest';
import { relay } from '../../../gateway/tunnels/relay.ts';
import { resetSocket } from '../../../gateway/tunnels/reset-socket.ts';
import { fate, makeRelayScene } from './relay-scene.ts';

const settings = { beforeEnd: async () => {} };
const megabyte = randomBytes(1_048_576);

/** The same megabyte, repeated. */
function megabytes(count: number): Readable {
  return Readable.from(Array.from({ length: count }, () => megabyte));
}

async function digest(stream: Readable): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of stream) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

describe.each([
  ['in clear text', false],
  ['over TLS', true],
])('a client %s', (_, secured) => {
  describe('clean ends', () => {
    it('forwards the client’s end, and the target’s later bytes', async () => {
      const { clientEnd, client, target, targetEnd } = await makeRelayScene(secured);
      relay(client, target, settings);
      clientEnd.end('question');
      const [asked] = await once(targetEnd, 'data');
      await once(targetEnd, 'end');
      expect(String(asked)).toBe('question');
      expect(clientEnd.readableEnded).toBe(false);

      targetEnd.end('answer');
      const [answered] = await once(clientEnd, 'data');
      expect(String(answered)).toBe('answer');
      expect(await fate(clientEnd)).toBe('end');
      await vi.waitFor(() => expect([client.closed, target.closed]).toEqual([true, true]));
    });

    it('forwards the target’s end, and the client’s later bytes', async () => {
      const { clientEnd, client, target, targetEnd } = await makeRelayScene(secured);
      relay(client, target, settings);
      targetEnd.end('banner');
      expect(String(await once(clientEnd, 'data'))).toBe('banner');
      await once(clientEnd, 'end');
      expect(targetEnd.readableEnded).toBe(false);

      clientEnd.end('farewell');
      expect(String(await once(targetEnd, 'data'))).toBe('farewell');
      expect(await fate(targetEnd)).toBe('end');
      await vi.waitFor(() => expect([client.closed, target.closed]).toEqual([true, true]));
    });

    it('does not end the client’s side before the usage is recorded', async () => {
      const { clientEnd, client, target, targetEnd } = await makeRelayScene(secured);
      const recorded = Promise.withResolvers<void>();
      relay(client, target, { ...settings, beforeEnd: () => recorded.promise });
      targetEnd.end('everything');
      expect(String(await once(clientEnd, 'data'))).toBe('everything');
      if (!target.readableEnded) await once(target, 'end');
      clientEnd.resume();
      // anything that the gateway had sent by then would have arrived
      for (const word of ['one', 'two', 'three']) {
        clientEnd.write(word);
        expect(String(await once(targetEnd, 'data'))).toBe(word);
      }
      expect(clientEnd.readableEnded).toBe(false);
      recorded.resolve();
      expect(await fate(clientEnd)).toBe('end');
    });

    it('resets the client if the usage cannot be recorded', async () => {
      const { clientEnd, client, target, targetEnd } = await makeRelayScene(secured);
      const beforeEnd = () => Promise.reject(new Error('the spool is closed'));
      relay(client, target, { ...settings, beforeEnd });
      targetEnd.end('everything');
      expect(await fate(clientEnd)).toBe('reset');
    });

    it('closes to a client that does not close, without losing bytes that it has not read', async () => {
      const { clientEnd, client, target, targetEnd } = await makeRelayScene(secured);
      // more than the client's own kernel buffers
      const size = 400_000;
      relay(client, target, { ...settings, lingerMs: 20 });
      targetEnd.resume().end(megabyte.subarray(0, size));
      await once(target, 'end');
      // the client's sending half is still open
      target.end();
      await vi.waitFor(() => expect(client.closed).toBe(true));
      expect(clientEnd.bytesRead).toBeLessThan(size);
      let length = 0;
      clientEnd.on('data', (chunk: Buffer) => {
        length += chunk.length;
      });
      expect(await fate(clientEnd)).toBe('end');
      expect(length).toBe(size);
    });

    it('closes to a client that keeps sending to a target that has closed', async () => {
      const { clientEnd, client, target, targetEnd } = await makeRelayScene(secured);
      relay(client, target, { ...settings, lingerMs: 200 });
      targetEnd.resume().end('everything');
      clientEnd.resume();
      await once(clientEnd, 'end');
      target.end();
      // each message would restart an idle timeout
      const talking = setInterval(() => clientEnd.write('more'), 10);
      await vi.waitFor(() => expect(client.closed).toBe(true), { timeout: 60_000 });
      clearInterval(talking);
    });

    it('ends cleanly for the client if the target resets later bytes', async () => {
      const { clientEnd, client, target, targetEnd } = await makeRelayScene(secured);
      const recorded = Promise.withResolvers<void>();
      relay(client, target, { ...settings, beforeEnd: () => recorded.promise });
      targetEnd.end('413: too large');
      expect(String(await once(clientEnd, 'data'))).toBe('413: too large');
      if (!target.readableEnded) await once(target, 'end');
      targetEnd.resetAndDestroy();
      clientEnd.write('the rest of an upload');
      await vi.waitFor(() => expect(target.closed).toBe(true));
      recorded.resolve();
      expect(await fate(clientEnd)).toBe('end');
    });
  });

  describe('a broken connection is forwarded as a reset', () => {
    it('from the client', async () => {
      const { clientEnd, client, target, targetEnd } = await makeRelayScene(secured);
      relay(client, target, settings);
      clientEnd.write('half of an upl');
      await once(targetEnd, 'data');
      resetSocket(clientEnd);
      expect(await fate(targetEnd)).toBe('reset');
      await vi.waitFor(() => expect([client.closed, target.closed]).toEqual([true, true]));
    });

    it('from the target', async () => {
      const { clientEnd, client, target, targetEnd } = await makeRelayScene(secured);
      const beforeEnd = vi.fn(settings.beforeEnd);
      relay(client, target, { ...settings, beforeEnd });
      targetEnd.write('half of a downl');
      await once(clientEnd, 'data');
      targetEnd.resetAndDestroy();
      expect(await fate(clientEnd)).toBe('reset');
      expect(beforeEnd).not.toHaveBeenCalled();
      await vi.waitFor(() => expect([client.closed, target.closed]).toEqual([true, true]));
    });
  });

  it('forwards large transfers in both directions at once, unchanged', async () => {
    const { clientEnd, client, target, targetEnd } = await makeRelayScene(secured);
    relay(client, target, settings);
    const [, , uploaded, downloaded] = await Promise.all([
      pipeline(megabytes(48), clientEnd, { end: true }),
      pipeline(megabytes(64), targetEnd, { end: true }),
      digest(targetEnd),
      digest(clientEnd),
    ]);
    expect(uploaded).toBe(await digest(megabytes(48)));
    expect(downloaded).toBe(await digest(megabytes(64)));
    await vi.waitFor(() => expect([client.closed, target.closed]).toEqual([true, true]));
    expect([target.bytesWritten, target.bytesRead]).toEqual([
      targetEnd.bytesRead,
      targetEnd.bytesWritten,
    ]);
  });

  describe('backpressure', () => {
    const sides: ['client' | 'target', string][] = [
      ['client', 'the target'],
      ['target', 'the client'],
    ];
    it.each(sides)(
      'if the %s does not read, %s waits, and nothing piles up in memory',
      async (slow) => {
        const { clientEnd, client, target, targetEnd } = await makeRelayScene(secured);
        relay(client, target, settings);
        const [from, to] = slow === 'client' ? [targetEnd, clientEnd] : [clientEnd, targetEnd];
        const [intake, outlet] = slow === 'client' ? [target, client] : [client, target];
        const total = 64;
        const sending = pipeline(megabytes(total), from, { end: true });
        await vi.waitFor(() => expect(outlet.writableNeedDrain).toBe(true), { timeout: 60_000 });
        await untilStill(from);
        expect(from.writableLength).toBeGreaterThan(0);
        expect(from.bytesWritten).toBeLessThan(total * megabyte.length);
        expect(outlet.writableLength + intake.readableLength).toBeLessThan(megabyte.length);

        const arrived = digest(to);
        await sending;
        expect(await arrived).toBe(await digest(megabytes(total)));
      },
    );
  });
});

/** Resolves when a socket has handed nothing to the kernel for several checks in a row. */
async function untilStill(socket: Socket): Promise<void> {
  const taken = () => socket.bytesWritten - socket.writableLength;
  for (let still = 0, before = -1; still < 20; ) {
    const now = taken();
    still = now === before ? still + 1 : 0;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
