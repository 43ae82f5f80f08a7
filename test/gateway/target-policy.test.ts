import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import { describe, expect, test } from 'vitest';
import { parseAllowedTargets } from '../../gateway/allowed-targets.ts';
import { canonicalHost, createTargetPolicy } from '../../gateway/target-policy.ts';

/** A resolver that gives each of `answers` once, in turn, and notes what it was asked. */
function resolverOf(...answers: string[][]) {
  const asked: string[] = [];
  const lookup = async (name: string): Promise<LookupAddress[]> => {
    const answer = answers[asked.push(name) - 1];
    if (!answer) throw Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' });
    return answer.map((address) => ({ address, family: isIP(address) }));
  };
  return { lookup, asked };
}

function policyWith({ allow = '', answers = [] as string[][] } = {}) {
  const { lookup, asked } = resolverOf(...answers);
  return { ...createTargetPolicy({ allowed: parseAllowedTargets(allow), lookup }), asked };
}

/** How a host at a port is answered: its addresses, or the refusal's code. */
async function decide(policy: ReturnType<typeof policyWith>, host: string, port = 443) {
  try {
    const { addresses } = await policy.resolve(host, port);
    return addresses.map(({ address }) => address);
  } catch (error) {
    return (error as { code: unknown }).code;
  }
}

describe('forbidden addresses, in every spelling', () => {
  const loopback = [
    '127.0.0.1',
    '2130706433',
    '0x7f000001',
    '0X7F000001',
    '017700000001',
    '0177.0.0.1',
    '0177.0.0.01',
    '00000000177.0x0.0.1',
    '0x7f.1',
    '127.1',
    '127.0.1',
    '127.0.0.1.',
    '127.1.',
    '2130706433.',
    '0x7f.0.0.0x1',
    '127.000.000.001',
    '%31%32%37.0.0.1',
    '127%2e0%2e0%2e1',
    '１２７．０．０．１',
    '①②⑦.0.0.1',
    '127。0。0。1',
    '127．0．0．1',
    '1\u00ad27.0.0.1',
    '%EF%BC%91%32%37.1',
    '[::1]',
    '::1',
    '[0:0:0:0:0:0:0:1]',
    '[0000:0000:0000:0000:0000:0000:0000:0001]',
    '[::0.0.0.1]',
    '127.255.255.254',
    '127.65535',
  ];
  const embedded = [
    '[::ffff:127.0.0.1]',
    '::ffff:127.0.0.1',
    '[::ffff:7f00:1]',
    '[::FFFF:7F00:0001]',
    '[0:0:0:0:0:ffff:127.0.0.1]',
    '[::ffff:8.8.8.8]',
    '[::127.0.0.1]',
    '[::7f00:1]',
    '[::8.8.8.8]',
    '[::ffff:0:127.0.0.1]',
    '[64:ff9b::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[64:ff9b::808:808]',
    '[64:ff9b:1::7f00:1]',
    '[2002:7f00:1::]',
    '[2002:a00:1::1]',
    '[2001:0:7f00:1::]',
  ];
  const others = [
    '0',
    '0.0.0.0',
    '0x',
    '[::]',
    '10.0.0.1',
    '167772161',
    '012.0.0.1',
    '10.1',
    '172.16.0.1',
    '172.31.255.255',
    '0xac.0x10.1',
    '192.168.1.1',
    '192.168.257',
    '3232235777',
    '0300.0250.1.1',
    '169.254.169.254',
    '169.254.169.254.',
    '2852039166',
    '0xa9fea9fe',
    '0251.0376.0251.0376',
    '169.16689662',
    '[::ffff:a9fe:a9fe]',
    '[64:ff9b::a9fe:a9fe]',
    '169.254.170.2',
    '100.100.100.200',
    '100.64.0.1',
    '192.0.0.192',
    '168.63.129.16',
    '0xa83f8110',
    '2822734096',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
    '4294967295',
    '0xffffffff',
    '198.18.0.1',
    '192.0.2.1',
    '[fe80::1]',
    '[fec0::1]',
    '[fd00:ec2::254]',
    '[fd20:ce::254]',
    '[fc00::1]',
    '[ff02::1]',
    '[2001:db8::1]',
    '[100::1]',
    '[4000::1]',
    '[5f00::1]',
    '[3fff::1]',
  ];

  test.each([...loopback, ...embedded, ...others])('%s', async (host) => {
    const policy = policyWith();
    expect(await decide(policy, host)).toBe('target_forbidden');
    expect(policy.asked).toEqual([]);
  });

  test.each(loopback.slice(0, loopback.indexOf('[::1]')))('%s is 127.0.0.1 in usage', (host) => {
    expect(canonicalHost(host)).toBe('127.0.0.1');
  });
});

test.each([
  ['EXAMPLE.com.', 'example.com'],
  ['ex%61mple.com', 'example.com'],
  ['Ｅxample。com', 'example.com'],
  ['faß.de', 'xn--fa-hia.de'],
  ['_dmarc.example.com', '_dmarc.example.com'],
  ['[2606:4700:0:0::1111]', '2606:4700::1111'],
  ['2606:4700:0:0::1111', '2606:4700::1111'],
  [`${'a'.repeat(63)}.${'b'.repeat(63)}`, `${'a'.repeat(63)}.${'b'.repeat(63)}`],
])('%s has the one form %s', async (host, canonical) => {
  const answers = [['1.1.1.1']];
  expect(canonicalHost(host)).toBe(canonical);
  expect(await policyWith({ answers }).resolve(host, 443)).toMatchObject({ host: canonical });
});

test.each([
  '',
  '.',
  '..',
  ' ',
  'a b',
  ' example.com',
  'example.com ',
  'example.com\t',
  'exam\tple.com',
  'exam\nple.com',
  'example.com\0',
  'example.com%00',
  'example.com%20',
  'example..com',
  'example.com..',
  '.example.com',
  'example.com/',
  'example.com/path',
  'example.com\\path',
  'example.com%2f',
  'example.com／path',
  'example.com?',
  'example.com#',
  'user@example.com',
  'user%40example.com',
  'user＠example.com',
  '127.0.0.1@example.com',
  'example.com:80',
  'example.com：80',
  '127.0.0.1:80',
  '[::1]:80',
  '[::1]80',
  '[::1',
  '::1]',
  '[]',
  '[127.0.0.1]',
  '[example.com]',
  '[fe80::1%eth0]',
  '[fe80::1%25eth0]',
  'fe80::1%eth0',
  '::1%lo',
  '[::1]@example.com',
  '[[::1]]',
  '1.2.3.4.5',
  '256.0.0.1',
  '4294967296',
  '0x100000000',
  '127.0.0.0xg.1',
  '1.2.3.08',
  'example.0x7f',
  'example.1',
  '%',
  '%zz',
  'a*b.com',
  '*',
  'a;b.com',
  '$x',
  `${'a'.repeat(64)}.com`,
  `${'a.'.repeat(126)}aa`,
  'a'.repeat(100_000),
  '%61'.repeat(1_000),
  // a name of 122 characters, sent as 1083
  `${`${'%EF%BD%81'.repeat(60)}.`.repeat(2)}a`,
])('%j is malformed', async (host) => {
  const policy = policyWith({ allow: '0.0.0.0/0, ::/0', answers: [['1.1.1.1']] });
  expect(await decide(policy, host)).toBe('malformed_request');
  expect(policy.asked).toEqual([]);
});

test.each([0, -1, 65_536, 1.5, Number.NaN])('port %d is malformed', async (port) => {
  expect(await decide(policyWith(), '8.8.8.8', port)).toBe('malformed_request');
});

describe('ports', () => {
  test.each([80, 443, 8080, 8443])('%i is open', async (port) => {
    expect(await decide(policyWith(), '8.8.8.8', port)).toEqual(['8.8.8.8']);
  });

  test.each([1, 22, 25, 79, 81, 442, 444, 3128, 7777, 8079, 8081, 8442, 8444, 65_535])(
    '%i is closed, and no name is looked up for it',
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
  '%s is public, and no name',
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

  test('hold for the addresses of a name', async () => {
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
  ])('%s, of forbidden addresses alone', async (host, answer) => {
    expect(await decide(policyWith({ answers: [answer] }), host)).toBe('target_forbidden');
  });

  test('of mixed answers keep the public ones, in the resolver’s order', async () => {
    const answers = [['10.0.0.1', '2606:4700::1', '127.0.0.1', '8.8.8.8', '::1', '1.1.1.1']];
    const policy = policyWith({ answers });
    expect(await policy.resolve('mixed.example', 443)).toEqual({
      host: 'mixed.example',
      port: 443,
      addresses: [
        { address: '2606:4700::1', family: 6 },
        { address: '8.8.8.8', family: 4 },
        { address: '1.1.1.1', family: 4 },
      ],
    });
  });

  test('that change their answer are asked once only', async () => {
    const policy = policyWith({ answers: [['8.8.8.8'], ['127.0.0.1']] });
    expect(await decide(policy, 'rebind.example')).toEqual(['8.8.8.8']);
    expect(policy.asked).toEqual(['rebind.example']);
    expect(await decide(policy, 'rebind.example')).toBe('target_forbidden');
  });

  test('that do not resolve are unreachable', async () => {
    expect(await decide(policyWith(), 'nowhere.example')).toBe('target_unreachable');
    expect(await decide(policyWith({ answers: [[]] }), 'empty.example')).toBe('target_unreachable');
  });

  test('are given up when the signal says so, before and while they are looked up', async () => {
    const pending = createTargetPolicy({ allowed: [], lookup: () => new Promise(() => {}) });
    const reason = new Error('the client is gone');
    const during = new AbortController();
    const resolving = pending.resolve('slow.example', 443, during.signal);
    during.abort(reason);
    await expect(resolving).rejects.toBe(reason);

    const policy = policyWith({ answers: [['8.8.8.8']] });
    const before = policy.resolve('slow.example', 443, AbortSignal.abort(reason));
    await expect(before).rejects.toBe(reason);
    expect(policy.asked).toEqual([]);
  });

  test('are resolved by the system where nothing else is given', async () => {
    const policy = createTargetPolicy({ allowed: parseAllowedTargets('127.0.0.0/8, ::1') });
    const { addresses } = await policy.resolve('LOCALHOST', 1);
    expect(addresses.map(({ address }) => address)).toContain('127.0.0.1');
  });
});
