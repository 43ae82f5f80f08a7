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

/** The same megabyte, again and again. */
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
  describe('ends', () => {
    it('passes the client’s end on, and what the target says after it', async () => {
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

    it('passes the target’s end on, and what the client says after it', async () => {
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

    it('tells the client no end before it is recorded', async () => {
      const { clientEnd, client, target, targetEnd } = await makeRelayScene(secured);
      const recorded = Promise.withResolvers<void>();
      relay(client, target, { ...settings, beforeEnd: () => recorded.promise });
      targetEnd.end('everything');
      expect(String(await once(clientEnd, 'data'))).toBe('everything');
      if (!target.readableEnded) await once(target, 'end');
      clientEnd.resume();
      // whatever the gateway had said by then would be here
      for (const word of ['one', 'two', 'three']) {
        clientEnd.write(word);
        expect(String(await once(targetEnd, 'data'))).toBe(word);
      }
      expect(clientEnd.readableEnded).toBe(false);
      recorded.resolve();
      expect(await fate(clientEnd)).toBe('end');
    });

    it('tells the client of a reset where the end cannot be recorded', async () => {
      const { clientEnd, client, target, targetEnd } = await makeRelayScene(secured);
      const beforeEnd = () => Promise.reject(new Error('the spool is closed'));
      relay(client, target, { ...settings, beforeEnd });
      targetEnd.end('everything');
      expect(await fate(clientEnd)).toBe('reset');
    });

    it('closes on a client that does not, and leaves it what it has not read yet', async () => {
      const { clientEnd, client, target, targetEnd } = await makeRelayScene(secured);
      // more than the client's own kernel takes
      const size = 400_000;
      relay(client, target, { ...settings, lingerMs: 20 });
      targetEnd.resume().end(megabyte.subarray(0, size));
      await once(target, 'end');
      // half of it, that of the client's sending, is open
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

    it('closes on a client that goes on sending to a target that is gone', async () => {
      const { clientEnd, client, target, targetEnd } = await makeRelayScene(secured);
      relay(client, target, { ...settings, lingerMs: 200 });
      targetEnd.resume().end('everything');
      clientEnd.resume();
      await once(clientEnd, 'end');
      target.end();
      // each word would put off a limit of silence
      const talking = setInterval(() => clientEnd.write('more'), 10);
      await vi.waitFor(() => expect(client.closed).toBe(true), { timeout: 60_000 });
      clearInterval(talking);
    });

    it('tells the client the end of a target that resets what is sent after it', async () => {
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

  describe('what breaks off is passed on as a reset', () => {
    it('a reset by the client', async () => {
      const { clientEnd, client, target, targetEnd } = await makeRelayScene(secured);
      relay(client, target, settings);
      clientEnd.write('half of an upl');
      await once(targetEnd, 'data');
      resetSocket(clientEnd);
      expect(await fate(targetEnd)).toBe('reset');
      await vi.waitFor(() => expect([client.closed, target.closed]).toEqual([true, true]));
    });

    it('a reset by the target', async () => {
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

  it('passes large transfers both ways at once, whole', async () => {
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

  describe('a side that does not read', () => {
    const sides: ['client' | 'target', string][] = [
      ['client', 'the target'],
      ['target', 'the client'],
    ];
    it.each(sides)('the %s makes %s wait, and nothing pile up', async (slow) => {
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
    });
  });
});

/** Resolves when a socket has handed nothing to the kernel for some looks in a row. */
async function untilStill(socket: Socket): Promise<void> {
  const taken = () => socket.bytesWritten - socket.writableLength;
  for (let still = 0, before = -1; still < 20; ) {
    const now = taken();
    still = now === before ? still + 1 : 0;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
