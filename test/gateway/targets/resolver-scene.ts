import { pino } from 'pino';
import { onTestFinished, vi } from 'vitest';
import {
  createNameResolver,
  type NameResolver,
  type NameResolverOptions,
} from '../../../gateway/targets/name-resolver.ts';
import { type NameServer, noData, type Reply, startNameServer } from './name-server.ts';

export const [keyA, keyB] = ['avp_live_00000000000a', 'avp_live_00000000000b'] as const;
export const eventually = (assertion: () => unknown) => vi.waitFor(assertion, { timeout: 60_000 });

/** Aborted after each test with a resolver, so that no query is left. */
export const over = { controller: new AbortController() };

export async function newServer(answer: NameServer['answer']): Promise<NameServer> {
  const server = await startNameServer(answer);
  onTestFinished(() => server.close());
  return server;
}

/** A resolver that uses the test's name servers, with a clock that the test controls. */
export function newResolver(servers: NameServer[], options: Partial<NameResolverOptions> = {}) {
  onTestFinished(() => {
    over.controller.abort(new Error('the test is over'));
    over.controller = new AbortController();
  });
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

/** A resolver and its only name server. */
export async function scene(answer: NameServer['answer'], options?: Partial<NameResolverOptions>) {
  const server = await newServer(answer);
  return { server, ...newResolver([server], options) };
}

/** The addresses of a name, sorted, because the first family depends on the machine. */
export async function ask(names: NameResolver, name: string, options = {}): Promise<string[]> {
  const answers = await names.resolve(name, {
    keyId: keyA,
    signal: over.controller.signal,
    ...options,
  });
  return answers.map(({ address }) => address).sort();
}

export const of = (...addresses: string[]): Reply => ({ addresses });
export const v4 = of('192.0.2.1');
/** Answers A with `reply`, and AAAA without an address. */
export const onlyA = (reply: Reply) => (type: string) => (type === 'A' ? reply : noData);

export const silentOrGood: NameServer['answer'] = (type, name) =>
  name.startsWith('silent') ? 'silence' : onlyA(v4)(type);
