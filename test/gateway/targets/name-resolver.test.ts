import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { pino } from 'pino';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { parseAllowedTargets } from '../../../gateway/targets/allowed-targets.ts';
import {
  createNameResolver,
  type NameResolver,
  type NameResolverOptions,
} from '../../../gateway/targets/name-resolver.ts';
import { createTargetPolicy } from '../../../gateway/targets/target-policy.ts';
import { freePort } from '../../../scripts/stack/ports.ts';
import { type NameServer, noData, nxdomain, type Reply, startNameServer } from './name-server.ts';
import { connectTarget } from './test-dialer.ts';

const [keyA, keyB] = ['avp_live_00000000000a', 'avp_live_00000000000b'];
const eventually = (assertion: () => unknown) => vi.waitFor(assertion, { timeout: 60_000 });
/** Aborted after each test: nothing is left to wait for. */
let over = new AbortController();

afterEach(() => {
  over.abort(new Error('the test is over'));
  over = new AbortController();
});

async function newServer(answer: NameServer['answer']): Promise<NameServer> {
  const server = await startNameServer(answer);
  onTestFinished(() => server.close());
  return server;
}

/** A resolver on name servers of the test, whose clock is in the test's hand. */
function newResolver(servers: NameServer[], options: Partial<NameResolverOptions> = {}) {
  const clock = { now: 5_000 };
  const logged: { level: number }[] = [];
  const names = createNameResolver({
    servers: servers.map(({ address }) => address),
    hosts: { find: () => undefined },
    now: () => clock.now,
    log: pino({ level: 'trace' }, { write: (line: string) => logged.push(JSON.parse(line)) }),
    ...options,
  });
  const levels = () => logged.map(({ level }) => level);
  return { names, clock, levels, resolve: (name: string) => ask(names, name) };
}

/** A resolver, and the one name server that it asks. */
async function scene(answer: NameServer['answer'], options?: Partial<NameResolverOptions>) {
  const server = await newServer(answer);
  return { server, ...newResolver([server], options) };
}

/** The addresses of a name, sorted: which family is first depends on the machine. */
async function ask(names: NameResolver, name: string, options = {}): Promise<string[]> {
  const answers = await names.resolve(name, { keyId: keyA, signal: over.signal, ...options });
  return answers.map(({ address }) => address).sort();
}

const of = (...addresses: string[]): Reply => ({ addresses });
const v4 = of('192.0.2.1');
/** Answers to A as said, and to AAAA that there is no address. */
const onlyA = (reply: Reply) => (type: string) => (type === 'A' ? reply : noData);

describe('a name', () => {
  test('is asked for in both families, as it is, and has all their addresses', async () => {
    const { server, names } = await scene((type) =>
      type === 'A' ? of('192.0.2.1', '192.0.2.2') : of('2001:db8::1'),
    );
    const answers = await names.resolve('a_b', { keyId: keyA, signal: over.signal });
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
  ])('of which one family %s has the addresses of the other', async (_, reply) => {
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
  ])('that %s has no address, and says why', async (_, reply, reason) => {
    const { resolve, names } = await scene(() => reply, { timeoutMs: 100 });
    await expect(resolve('a.example')).rejects.toMatchObject(reason);
    expect(names.underWay).toBe(0);
  });

  test('that another server knows is asked of that one', async () => {
    const failing = await newServer(() => ({ rcode: 2 }));
    const refusing = await newServer(() => ({ rcode: 5 }));
    const broken = await newServer(() => 'garbage');
    const good = await newServer(onlyA(v4));
    const { resolve } = newResolver([failing, refusing, broken, good]);
    expect(await resolve('a.example')).toEqual(['192.0.2.1']);
    for (const { asked } of [failing, refusing, broken]) expect(asked).not.toEqual([]);
  });

  test('whose answer is too long for UDP is asked for over TCP, and keeps 32 addresses', async () => {
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
  ])('with a TTL of $ttl s holds for $seconds s', async ({ ttl, seconds }) => {
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
    ['that there is none', () => nxdomain],
    ['without a family that failed', (type) => (type === 'A' ? v4 : { rcode: 2 })],
    ['without a family that was silent', (type) => (type === 'A' ? v4 : 'silence')],
  ])('%s holds for 1 s', async (_, answer) => {
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

  test('is asked for once by all who wait for it, of any key', async () => {
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

describe('a caller that leaves', () => {
  const reason = new Error('the client is gone');

  test('ends its wait at once, and the query with the last of them', async () => {
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
    // nothing of it is kept: the next caller's query is its own
    const third = resolve('a.example');
    await eventually(() => expect(names.underWay).toBe(1));
    over.abort(reason);
    await expect(third).rejects.toBe(reason);
  });

  test('before it has begun asks nothing', async () => {
    const { server, names } = await scene(() => v4);
    const signal = AbortSignal.abort(reason);
    await expect(ask(names, 'a.example', { signal })).rejects.toBe(reason);
    expect(server.asked).toEqual([]);
  });

  test('leaves no socket', async () => {
    const { names } = await scene(() => 'silence');
    // Node does not list the sockets of a resolver among its own
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

describe('a key with silent names', () => {
  const silentOrGood: NameServer['answer'] = (type, name) =>
    name.startsWith('silent') ? 'silence' : onlyA(v4)(type);

  test('has 50 under way, and delays no other key’s name', async () => {
    const { server, names } = await scene(silentOrGood);
    const gone = new AbortController();
    const silent = Array.from({ length: 60 }, (_, at) =>
      ask(names, `silent-${at}.example`, { signal: at === 0 ? gone.signal : over.signal }),
    );
    Promise.allSettled(silent);
    const own = ask(names, 'good.example');
    expect(await ask(names, 'good.example', { keyId: keyB })).toEqual(['192.0.2.1']);
    expect(names.underWay).toBe(50);
    // what is cached takes no slot
    expect(await ask(names, 'localhost')).toHaveLength(2);
    expect(await ask(names, 'good.example')).toEqual(['192.0.2.1']);
    const asked = (at: number) => server.asked.includes(`A silent-${at}.example`);
    await eventually(() => expect(asked(49)).toBe(true));
    expect(asked(50)).toBe(false);
    // one that leaves makes room for the next in order
    gone.abort(new Error('the client is gone'));
    await eventually(() => expect(asked(50)).toBe(true));
    expect(asked(51)).toBe(false);
    expect(names.underWay).toBe(50);
    over.abort(new Error('the test is over'));
    await expect(own).rejects.toBe(over.signal.reason);
    expect(names.underWay).toBe(0);
  });

  test('is answered in turn, and one that leaves the queue is passed over', async () => {
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

test('too many names of all keys are refused, and logged once', async () => {
  const { server, names, levels } = await scene(() => 'silence', { most: 3 });
  const gone = new AbortController();
  const under = [1, 2, 3].map((at) =>
    ask(names, `silent-${at}.example`, { keyId: `avp_live_${at}`, signal: gone.signal }),
  );
  await eventually(() => expect(names.underWay).toBe(3));
  for (const name of ['a.example', 'b.example']) {
    await expect(ask(names, name, { keyId: keyB })).rejects.toMatchObject({
      code: 'unavailable',
      statusCode: 503,
    });
  }
  expect(levels()).toEqual([40]);
  gone.abort();
  await Promise.allSettled(under);
  server.answer = onlyA(v4);
  expect(await ask(names, 'a.example', { keyId: keyB })).toEqual(['192.0.2.1']);
  expect(levels()).toEqual([40, 30]);
});

test('name servers that are away are no fault of the name: logged once, and asked again', async () => {
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

test('localhost and what ends with it are loopback, and the hosts file comes before any server', async () => {
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

describe('DNS rebinding:', () => {
  const allowed = parseAllowedTargets('127.0.0.1');
  const options = () => ({ keyId: keyA, timeoutMs: 60_000, signal: over.signal });

  test('the checked address is dialled, whatever the name says by then', async () => {
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

  test('what the cache gives is checked each time', async () => {
    const { server, names } = await scene(onlyA(of('127.0.0.1')));
    const at = { keyId: keyA, signal: over.signal };
    const open = createTargetPolicy({ allowed, names });
    expect(await open.resolve('a.example', 443, at)).toMatchObject({ host: 'a.example' });
    const closed = createTargetPolicy({ allowed: [], names });
    await expect(closed.resolve('a.example', 443, at)).rejects.toMatchObject({
      code: 'target_forbidden',
    });
    expect(server.asked).toHaveLength(2);
  });
});
