import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseAllowedTargets } from '../../../gateway/targets/allowed-targets.ts';
import { createTargetPolicy } from '../../../gateway/targets/target-policy.ts';
import { type NameServer, noData, nxdomain, type Reply } from './name-server.ts';
import {
  ask,
  eventually,
  keyA,
  newResolver,
  newServer,
  of,
  onlyA,
  over,
  scene,
  v4,
} from './resolver-scene.ts';
import { connectTarget } from './test-dialer.ts';

describe('a name', () => {
  test('is queried unchanged in both families, and has all their addresses', async () => {
    const { server, names } = await scene((type) =>
      type === 'A' ? of('192.0.2.1', '192.0.2.2') : of('2001:db8::1'),
    );
    const answers = await names.resolve('a_b', { keyId: keyA, signal: over.controller.signal });
    // no search domain is added
    expect(server.asked.sort()).toEqual(['A a_b', 'AAAA a_b']);
    expect(answers.toSorted((a, b) => (a.address < b.address ? -1 : 1))).toEqual([
      { address: '192.0.2.1', family: 4 },
      { address: '192.0.2.2', family: 4 },
      { address: '2001:db8::1', family: 6 },
    ]);
  });

  test.each<[string, Reply]>([
    ['has none', noData],
    ['is denied', nxdomain],
    ['fails', { rcode: 2 }],
    ['is silent', 'silence'],
  ])('with one family that %s has the addresses of the other', async (_, reply) => {
    const { resolve, names } = await scene((type, name) => {
      return (type === 'A') === name.startsWith('4')
        ? of(type === 'A' ? '192.0.2.1' : '2001:db8::1')
        : reply;
    });
    expect(await resolve('4.example')).toEqual(['192.0.2.1']);
    expect(await resolve('6.example')).toEqual(['2001:db8::1']);
    expect(names.underWay).toBe(0);
  });

  test.each<[string, Reply, object]>([
    ['does not exist', nxdomain, { code: 'dns_error', rcode: 'NXDOMAIN' }],
    ['has no address', noData, { code: 'dns_error', rcode: 'NOERROR' }],
    ['fails', { rcode: 2 }, { code: 'dns_error', rcode: 'SERVFAIL' }],
    ['is refused', { rcode: 5 }, { code: 'dns_error', rcode: 'REFUSED' }],
    ['is silent', 'silence', { code: 'dns_timeout' }],
    ['is garbage', 'garbage', { code: 'dns_error', rcode: undefined }],
  ])('that %s has no address, and reports why', async (_, reply, reason) => {
    const { resolve, names } = await scene(
      () => reply,
      reply === 'silence' ? { timeoutMs: 100 } : {},
    );
    await expect(resolve('a.example')).rejects.toMatchObject(reason);
    expect(names.underWay).toBe(0);
  });

  test('is asked of the next server if one fails', async () => {
    const failing = await newServer(() => ({ rcode: 2 }));
    const refusing = await newServer(() => ({ rcode: 5 }));
    const broken = await newServer(() => 'garbage');
    const good = await newServer(onlyA(v4));
    const { resolve } = newResolver([failing, refusing, broken, good]);
    expect(await resolve('a.example')).toEqual(['192.0.2.1']);
    for (const { asked } of [failing, refusing, broken]) expect(asked).not.toEqual([]);
  });

  test('with an answer too long for UDP is queried over TCP, and keeps 32 addresses', async () => {
    const addresses = Array.from({ length: 300 }, (_, at) => `192.0.2.${at % 250}`);
    const { server, resolve } = await scene(onlyA({ addresses, cutOverUdp: true }));
    expect(await resolve('a.example')).toHaveLength(32);
    expect(server.asked.filter((question) => question.startsWith('A '))).toHaveLength(2);
  });
});

describe('an answer', () => {
  test.each([
    { ttl: 5, seconds: 5 },
    { ttl: 0, seconds: 1 },
    { ttl: 86_400, seconds: 60 },
  ])('with a TTL of $ttl s is cached for $seconds s', async ({ ttl, seconds }) => {
    const { server, resolve, clock } = await scene(onlyA({ addresses: ['192.0.2.1'], ttl }));
    await resolve('a.example');
    clock.now += seconds * 1_000 - 1;
    await resolve('a.example');
    expect(server.asked).toHaveLength(2);
    server.answer = onlyA(of('192.0.2.9'));
    clock.now += 2;
    expect(await resolve('a.example')).toEqual(['192.0.2.9']);
    expect(server.asked).toHaveLength(4);
  });

  test.each<[string, NameServer['answer']]>([
    ['that denies the name', () => nxdomain],
    ['without a family that failed', (type) => (type === 'A' ? v4 : { rcode: 2 })],
    ['without a family that was silent', (type) => (type === 'A' ? v4 : 'silence')],
  ])('%s is cached for 1 s', async (_, answer) => {
    const { server, resolve, clock } = await scene(answer);
    const outcome = () => resolve('a.example').catch((error) => error.rcode);
    const first = await outcome();
    clock.now += 999;
    expect(await outcome()).toEqual(first);
    expect(server.asked).toHaveLength(2);
    server.answer = onlyA(of('192.0.2.9'));
    clock.now += 2;
    expect(await outcome()).toEqual(['192.0.2.9']);
  });

  test('is queried once for all callers that wait for it, of any key', async () => {
    const answer = Promise.withResolvers<Reply>();
    const { server, names, resolve } = await scene(onlyA(v4));
    server.answer = () => answer.promise;
    const waiting = Array.from({ length: 100 }, (_, at) =>
      ask(names, 'a.example', { keyId: `avp_live_${at % 3}` }),
    );
    await eventually(() => expect(server.asked).toHaveLength(2));
    expect(names.underWay).toBe(1);
    answer.resolve(v4);
    for (const addresses of await Promise.all(waiting)) expect(addresses).toEqual(['192.0.2.1']);
    expect(await resolve('a.example')).toEqual(['192.0.2.1']);
    expect(server.asked).toHaveLength(2);
  });
});

test('localhost and its subdomains are loopback, and the hosts file comes before any server', async () => {
  const { server, resolve } = await scene(() => v4, {
    hosts: {
      find: (name) => (name === 'db.example' ? [{ address: '10.0.0.7', family: 4 }] : undefined),
    },
  });
  expect(await resolve('localhost')).toEqual(['127.0.0.1', '::1']);
  expect(await resolve('web.app.localhost')).toEqual(['127.0.0.1', '::1']);
  expect(await resolve('db.example')).toEqual(['10.0.0.7']);
  expect(server.asked).toEqual([]);
});

describe('DNS rebinding', () => {
  const allowed = parseAllowedTargets('127.0.0.1');
  const options = () => ({ keyId: keyA, timeoutMs: 60_000, signal: over.controller.signal });

  test('the checked address is dialed, even if the name resolves to another one by then', async () => {
    const listener = createServer((socket) => socket.end());
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    onTestFinished(() => void listener.close());
    const { port } = listener.address() as AddressInfo;
    const { server, names, clock } = await scene(onlyA({ addresses: ['127.0.0.1'], ttl: 1 }));
    const policy = createTargetPolicy({
      allowed,
      names: {
        async resolve(...asked) {
          const answers = await names.resolve(...asked);
          server.answer = onlyA(of('169.254.169.254'));
          clock.now += 2_000;
          return answers;
        },
      },
    });
    const { socket } = await connectTarget(policy, 'rebind.example', port, options());
    expect(socket.remoteAddress).toBe('127.0.0.1');
    socket.destroy();
    expect(server.asked).toHaveLength(2);
    const again = connectTarget(policy, 'rebind.example', port, options());
    await expect(again).rejects.toMatchObject({ code: 'target_forbidden' });
  });

  test('a cached address is checked each time', async () => {
    const { server, names } = await scene(onlyA(of('127.0.0.1')));
    const at = { keyId: keyA, signal: over.controller.signal };
    const open = createTargetPolicy({ allowed, names });
    expect(await open.resolve('a.example', 443, at)).toMatchObject({ host: 'a.example' });
    const closed = createTargetPolicy({ allowed: [], names });
    await expect(closed.resolve('a.example', 443, at)).rejects.toMatchObject({
      code: 'target_forbidden',
    });
    expect(server.asked).toHaveLength(2);
  });
});
