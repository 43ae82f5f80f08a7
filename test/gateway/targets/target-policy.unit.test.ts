import { describe, expect, test } from 'vitest';
import { NameError } from '../../../gateway/targets/name-query.ts';
import type { NameResolver } from '../../../gateway/targets/name-resolver.ts';
import { createTargetPolicy } from '../../../gateway/targets/target-policy.ts';
import { decide, forAKey, policyWith } from './policy-answers.ts';

test.each([0, -1, 65_536, 1.5, Number.NaN])('port %d is malformed', async (port) => {
  expect(await decide(policyWith(), '8.8.8.8', port)).toBe('malformed_request');
});

describe('ports', () => {
  test.each([80, 443, 8080, 8443])('%i is open', async (port) => {
    expect(await decide(policyWith(), '8.8.8.8', port)).toEqual(['8.8.8.8']);
  });

  test.each([1, 22, 25, 79, 81, 442, 444, 3128, 7777, 8079, 8081, 8442, 8444, 65_535])(
    '%i is closed, and no name is resolved for it',
    async (port) => {
      const policy = policyWith({ allow: '127.0.0.1:9000', answers: [['8.8.8.8']] });
      expect(await decide(policy, '8.8.8.8', port)).toBe('port_forbidden');
      expect(await decide(policy, '127.0.0.1', port)).toBe('port_forbidden');
      expect(await decide(policy, 'example.com', port)).toBe('port_forbidden');
      expect(policy.asked).toEqual([]);
    },
  );
});

test.each(['8.8.8.8', '1.1.1.1', '134744072', '0x08.0x08.0x08.0x08', '[2606:4700::1]'])(
  '%s is public, and not treated as a name',
  async (host) => {
    const policy = policyWith();
    expect(await decide(policy, host)).toHaveLength(1);
    expect(policy.asked).toEqual([]);
  },
);

describe('exceptions', () => {
  test.each([
    ['127.0.0.0/8', '127.0.0.1', 443, ['127.0.0.1']],
    ['127.0.0.0/8', '127.1', 25, ['127.0.0.1']],
    ['127.0.0.0/8', '10.0.0.1', 443, 'target_forbidden'],
    ['127.0.0.0/8', '10.0.0.1', 25, 'target_forbidden'],
    ['127.0.0.0/8', '8.8.8.8', 25, 'port_forbidden'],
    ['127.0.0.0/8:9000', '127.0.0.1', 9000, ['127.0.0.1']],
    ['127.0.0.0/8:9000', '127.0.0.1', 443, 'target_forbidden'],
    ['127.0.0.0/8:9000', '127.0.0.1', 9001, 'port_forbidden'],
    ['127.0.0.0/8:9000', '10.0.0.1', 9000, 'target_forbidden'],
    ['127.0.0.0/8:9000', '8.8.8.8', 9000, 'port_forbidden'],
    ['127.0.0.0/8', '[::ffff:127.0.0.1]', 443, 'target_forbidden'],
    ['127.0.0.0/8', '[::1]', 443, 'target_forbidden'],
    ['::1', '[::1]', 5000, ['::1']],
    ['8.8.8.8:53', '8.8.8.8', 53, ['8.8.8.8']],
  ])('with %s, %s at port %i: %j', async (allow, host, port, answer) => {
    expect(await decide(policyWith({ allow }), host, port)).toEqual(answer);
  });

  test('apply to the addresses of a name', async () => {
    const answers = [['::1', '127.0.0.1', '8.8.8.8']];
    const at = (port: number) => decide(policyWith({ allow: '127.0.0.1', answers }), 'mixed', port);
    expect(await at(443)).toEqual(['127.0.0.1', '8.8.8.8']);
    expect(await at(9000)).toEqual(['127.0.0.1']);
  });
});

describe('names', () => {
  test.each([
    ['localhost', ['127.0.0.1', '::1']],
    ['metadata.google.internal', ['169.254.169.254']],
    ['metadata.google.internal.', ['169.254.169.254', 'fd20:ce::254']],
    ['127.0.0.1.nip.io', ['127.0.0.1']],
    ['mapped.example', ['::ffff:10.0.0.1']],
    ['scoped.example', ['fe80::1%eth0']],
    ['odd.example', ['not an address']],
  ])('%s, with only forbidden addresses, is refused', async (host, answer) => {
    expect(await decide(policyWith({ answers: [answer] }), host)).toBe('target_forbidden');
  });

  test('with mixed answers keep the public ones, in the resolver’s order', async () => {
    const answers = [['10.0.0.1', '2606:4700::1', '127.0.0.1', '8.8.8.8', '::1', '1.1.1.1']];
    const policy = policyWith({ answers });
    expect(await policy.resolve('mixed.example', 443, forAKey)).toEqual({
      host: 'mixed.example',
      port: 443,
      addresses: [
        { address: '2606:4700::1', family: 6 },
        { address: '8.8.8.8', family: 4 },
        { address: '1.1.1.1', family: 4 },
      ],
    });
  });

  test('that change their answer are resolved only once', async () => {
    const policy = policyWith({ answers: [['8.8.8.8'], ['127.0.0.1']] });
    expect(await decide(policy, 'rebind.example')).toEqual(['8.8.8.8']);
    expect(policy.asked).toEqual(['rebind.example']);
    expect(await decide(policy, 'rebind.example')).toBe('target_forbidden');
  });

  test('that do not resolve are unreachable, and the cause is given', async () => {
    const resolving = policyWith().resolve('nowhere.example', 443, forAKey);
    await expect(resolving).rejects.toMatchObject({
      code: 'target_unreachable',
      cause: { code: 'dns_error', rcode: 'NXDOMAIN' },
    });
  });

  test('that cannot be resolved right now are not the target’s fault', async () => {
    const names = { resolve: () => Promise.reject(new NameError('unavailable')) };
    const policy = createTargetPolicy({ allowed: [], names });
    await expect(policy.resolve('a.example', 443, forAKey)).rejects.toMatchObject({
      code: 'unavailable',
      statusCode: 503,
    });
  });

  test('are resolved for the key, until its signal is aborted', async () => {
    const gone = new AbortController();
    const given: unknown[] = [];
    const names: Pick<NameResolver, 'resolve'> = {
      async resolve(name, options) {
        given.push(name, options);
        gone.abort(new Error('the client is gone'));
        options.signal.throwIfAborted();
        return [];
      },
    };
    const policy = createTargetPolicy({ allowed: [], names });
    const options = { keyId: 'avp_live_000000000001', signal: gone.signal };
    await expect(policy.resolve('A.example.', 443, options)).rejects.toBe(gone.signal.reason);
    expect(given).toEqual(['a.example', options]);
  });
});
