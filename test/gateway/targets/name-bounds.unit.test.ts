import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { freePort } from '../../../scripts/stack/ports.ts';
import {
  ask,
  eventually,
  keyB,
  newResolver,
  newServer,
  onlyA,
  over,
  scene,
  silentOrGood,
  v4,
} from './resolver-scene.ts';

describe('a caller that disconnects', () => {
  const reason = new Error('the client is gone');

  test('stops waiting at once, and the last one stops the query', async () => {
    const { names, resolve } = await scene(() => 'silence');
    const [one, other] = [new AbortController(), new AbortController()];
    const first = ask(names, 'a.example', { signal: one.signal });
    const second = ask(names, 'a.example', { signal: other.signal, keyId: keyB });
    await eventually(() => expect(names.underWay).toBe(1));
    one.abort(reason);
    await expect(first).rejects.toBe(reason);
    expect(names.underWay).toBe(1);
    other.abort(reason);
    await expect(second).rejects.toBe(reason);
    expect(names.underWay).toBe(0);
    // nothing is kept: the next caller starts its own query
    const third = resolve('a.example');
    await eventually(() => expect(names.underWay).toBe(1));
    over.controller.abort(reason);
    await expect(third).rejects.toBe(reason);
  });

  test('before the start causes no query', async () => {
    const { server, names } = await scene(() => v4);
    const signal = AbortSignal.abort(reason);
    await expect(ask(names, 'a.example', { signal })).rejects.toBe(reason);
    expect(server.asked).toEqual([]);
  });

  test('leaves no socket', async () => {
    const { names } = await scene(() => 'silence');
    // Node does not list a resolver's sockets among its own
    const descriptors = () => readdirSync('/dev/fd').length;
    const before = descriptors();
    const gone = new AbortController();
    const waiting = Array.from({ length: 20 }, (_, at) =>
      ask(names, `${at}.example`, { signal: gone.signal }),
    );
    await eventually(() => expect(descriptors()).toBeGreaterThanOrEqual(before + 20));
    gone.abort(reason);
    await Promise.allSettled(waiting);
    await eventually(() => expect(descriptors()).toBeLessThanOrEqual(before));
  });
});

describe('a key with names that do not answer', () => {
  test('has 50 queries running, and delays no other key’s name', async () => {
    const { server, names } = await scene(silentOrGood);
    const gone = new AbortController();
    const silent = Array.from({ length: 60 }, (_, at) =>
      ask(names, `silent-${at}.example`, {
        signal: at === 0 ? gone.signal : over.controller.signal,
      }),
    );
    Promise.allSettled(silent);
    const own = ask(names, 'good.example');
    expect(await ask(names, 'good.example', { keyId: keyB })).toEqual(['192.0.2.1']);
    expect(names.underWay).toBe(50);
    // a cached name takes no slot
    expect(await ask(names, 'localhost')).toHaveLength(2);
    expect(await ask(names, 'good.example')).toEqual(['192.0.2.1']);
    const asked = (at: number) => server.asked.includes(`A silent-${at}.example`);
    await eventually(() => expect(asked(49)).toBe(true));
    expect(asked(50)).toBe(false);
    // a caller that disconnects frees a slot for the next in order
    gone.abort(new Error('the client is gone'));
    await eventually(() => expect(asked(50)).toBe(true));
    expect(asked(51)).toBe(false);
    expect(names.underWay).toBe(50);
    over.controller.abort(new Error('the test is over'));
    await expect(own).rejects.toBe(over.controller.signal.reason);
    expect(names.underWay).toBe(0);
  });

  test('is served in order, and a caller that leaves the queue is skipped', async () => {
    const { server, names } = await scene(silentOrGood, { mostPerKey: 1 });
    const [first, second] = [new AbortController(), new AbortController()];
    const silent = [first, second].map(({ signal }, at) =>
      ask(names, `silent-${at}.example`, { signal }),
    );
    const good = ask(names, 'good.example');
    const twice = ask(names, 'good.example');
    await eventually(() => expect(server.asked).toHaveLength(2));
    second.abort('left');
    await expect(silent[1]).rejects.toBe('left');
    first.abort('left');
    await expect(silent[0]).rejects.toBe('left');
    expect(await Promise.all([good, twice])).toEqual([['192.0.2.1'], ['192.0.2.1']]);
    expect(server.asked.filter((question) => question.includes('silent-1'))).toEqual([]);
    expect(names.underWay).toBe(0);
  });
});

describe('too many names over all keys', () => {
  test('are refused at first, and logged once', async () => {
    const { server, names, levels } = await scene(() => 'silence', { most: 3 });
    const gone = new AbortController();
    const under = [1, 2, 3].map((at) =>
      ask(names, `silent-${at}.example`, { keyId: `avp_live_${at}`, signal: gone.signal }),
    );
    for (const name of ['a.example', 'b.example']) {
      await expect(ask(names, name, { keyId: keyB })).rejects.toMatchObject({
        code: 'unavailable',
        statusCode: 503,
      });
    }
    expect(names.underWay).toBe(3);
    expect(levels()).toEqual([40]);
    gone.abort();
    await Promise.allSettled(under);
    server.answer = onlyA(v4);
    expect(await ask(names, 'a.example', { keyId: keyB })).toEqual(['192.0.2.1']);
    expect(levels()).toEqual([40, 30]);
  });

  test('make room for others after a second: the oldest query is canceled', async () => {
    const { names, clock } = await scene(silentOrGood, { most: 3 });
    const under = [1, 2, 3].map((at) =>
      ask(names, `silent-${at}.example`, { keyId: `avp_live_${at}` }),
    );
    const rest = Promise.allSettled(under.slice(1));
    await eventually(() => expect(names.underWay).toBe(3));
    clock.now += 1_000;
    const givenUp = expect(under[0]).rejects.toMatchObject({ code: 'unavailable' });
    expect(await ask(names, 'good.example', { keyId: keyB })).toEqual(['192.0.2.1']);
    await givenUp;
    expect(names.underWay).toBe(2);
    over.controller.abort(new Error('the test is over'));
    for (const { status } of await rest) expect(status).toBe('rejected');
    expect(names.underWay).toBe(0);
  });
});

test('unreachable name servers do not count against the name: logged once, and queried again', async () => {
  const server = await newServer(onlyA(v4));
  const servers = [`127.0.0.1:${await freePort()}`];
  const { resolve, levels } = newResolver([], { servers });
  await expect(resolve('a.example')).rejects.toMatchObject({ code: 'unavailable' });
  await expect(resolve('a.example')).rejects.toMatchObject({ code: 'unavailable' });
  expect(levels()).toEqual([40]);
  servers[0] = server.address;
  expect(await resolve('a.example')).toEqual(['192.0.2.1']);
  expect(levels()).toEqual([40, 30]);
});
