import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { carrierOf } from '../../../gateway/clients/carrier.ts';
import { resetSocket } from '../../../gateway/tunnels/reset-socket.ts';
import { fate, makeRelayScene } from './relay-scene.ts';

describe.each([
  ['in clear text', false],
  ['over TLS', true],
])('a socket %s', (_, secured) => {
  it('is reset, and its peer sees the reset', async () => {
    const { client, clientEnd } = await makeRelayScene(secured);
    const learned = fate(clientEnd);
    resetSocket(client);
    await once(client, 'close');
    expect(await learned).toBe('reset');
    expect(carrierOf(client).closed).toBe(true);
  });

  it('that cannot send its pending bytes is reset at once', async () => {
    const { client, clientEnd } = await makeRelayScene(secured);
    clientEnd.pause();
    while (client.write(Buffer.alloc(1_000_000)));
    client.write(Buffer.alloc(10_000_000));
    expect(client.writableLength).toBeGreaterThan(0);
    resetSocket(client);
    await once(client, 'close');
    expect(carrierOf(client).closed).toBe(true);
  });

  it.each([
    ['after sent bytes', 'all of it'],
    ['without sent bytes', ''],
  ])('that is ending %s is closed, even if it is destroyed again', async (_, last) => {
    const { client, clientEnd } = await makeRelayScene(secured);
    const learned = fate(clientEnd);
    client.end(last);
    resetSocket(client);
    client.destroy();
    resetSocket(client);
    await once(client, 'close');
    expect(carrierOf(client).closed).toBe(true);
    // bytes that are still to be encrypted are cut off, without a clean end
    expect(await learned).toBe(secured && last ? 'reset' : 'end');
  });
});
