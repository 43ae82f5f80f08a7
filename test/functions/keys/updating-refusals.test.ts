import { beforeAll, describe, expect, it } from 'vitest';
import { snakeCase } from '../../../supabase/functions/_shared/field-names.ts';
import { askBy, expectSameRefusal } from '../../support/both-ways.ts';
import { calls, type Fields } from '../../support/calls.ts';
import { expectProblem, type MintedKey } from '../../support/contract.ts';
import { getKey, mintKey } from '../../support/key-scenes.ts';
import { newUser, type Persona } from '../../support/personas.ts';

let owner: Persona;
let key: MintedKey;

beforeAll(async () => {
  owner = await newUser();
  key = await mintKey(owner, { label: 'before' });
});
/** An update that is refused over HTTP and RPC for this field, and that does not change the key. */
async function expectRefusedField(changes: Fields, field: string): Promise<void> {
  const before = await getKey(owner, key.id);
  const ways = calls.update(owner, key.id, changes);
  const { problem, details } = await expectSameRefusal(ways, 400, 'invalid_request');
  const paths = (problem.errors ?? []).map(({ path }) => path.split('.')[0]);
  expect(new Set(paths)).toEqual(new Set([field]));
  expect(details).toBe(snakeCase(field));
  expect(await getKey(owner, key.id)).toEqual(before);
}

describe('a label', () => {
  it.each<[string, unknown]>([
    ['null', null],
    ['a number', 5],
    ['an object', { a: 1 }],
    ['an array with a label', ['x']],
    ['text of 0 characters', ''],
    ['only spaces', ' \t\n\u3000'],
    ['text of 81 characters', 'x'.repeat(81)],
    ['text of 81 characters outside the basic plane', '🔑'.repeat(81)],
    ['text with a line break', 'one\ntwo'],
    ['text with a DEL', 'one\u007ftwo'],
    ['text with a C1 control', 'one\u0085two'],
  ])('is refused as %s', (_, label) => expectRefusedField({ label }, 'label'));
});

describe('an address range', () => {
  it.each(Object.entries(askBy))('is stored as its canonical CIDR, by %s', async (_, ask) => {
    const { data } = await ask(
      calls.update(owner, key.id, {
        allowedIps: [
          '203.0.113.7',
          '2001:DB8::1',
          '198.51.100.0/24',
          '2001:0db8:0000::/48',
          '203.0.113.7/32',
          '0.0.0.0/0',
          '::/0',
          '2001:db8::1/128',
          '198.51.100.0/25',
        ],
      }),
    );
    expect(data?.allowedIps).toEqual([
      '203.0.113.7/32',
      '2001:db8::1/128',
      '198.51.100.0/24',
      '2001:db8::/48',
      '0.0.0.0/0',
      '::/0',
      '198.51.100.0/25',
    ]);
  });

  it.each(Object.entries(askBy))('may be one of 50, by %s', async (_, ask) => {
    const fifty = Array.from({ length: 50 }, (_, n) => `192.0.2.${n}/32`);
    const { data } = await ask(calls.update(owner, key.id, { allowedIps: fifty }));
    expect(data?.allowedIps).toEqual(fifty);
  });

  it.each<[string, unknown]>([
    ['one of 51', Array.from({ length: 51 }, (_, n) => `192.0.2.${n}`)],
    ['one of 51 identical ranges', Array.from({ length: 51 }, () => '192.0.2.1')],
    ['bits behind the mask', ['203.0.113.7/24']],
    ['bits behind the mask of IPv6', ['2001:db8::1/64']],
    ['a number alone', ['10']],
    ['an abbreviated address', ['10.1']],
    ['an abbreviated range', ['10/8']],
    ['an abbreviated range of two parts', ['10.1/16']],
    ['everything, abbreviated', ['0/0']],
    ['a part with a leading zero', ['010.0.0.0/8']],
    ['a part over 255', ['256.0.0.0']],
    ['a fifth part', ['10.0.0.0.0']],
    ['a hexadecimal part', ['0x7f.0.0.1']],
    ['a mask over 32', ['10.0.0.0/33']],
    ['a mask over 128', ['2001:db8::/129']],
    ['a mask too large for an integer', ['10.0.0.1/4294967328']],
    ['a mask with a leading zero', ['10.0.0.1/032']],
    ['a mask below 0', ['10.0.0.0/-1']],
    ['an empty mask', ['10.0.0.0/']],
    ['a fractional mask', ['10.0.0.0/255.0.0.0']],
    ['two masks', ['10.0.0.0/8/8']],
    ['a range by its bounds', ['10.0.0.0-10.0.0.9']],
    ['a zone', ['fe80::1%eth0']],
    ['brackets', ['[2001:db8::1]']],
    ['a port', ['203.0.113.7:80']],
    ['surrounding space', [' 203.0.113.7']],
    ['a trailing line break', ['203.0.113.7\n']],
    ['two in one text', ['203.0.113.7,203.0.113.8']],
    ['a name', ['localhost']],
    ['a wildcard', ['*']],
    ['nothing', ['']],
    ['an IPv4 address as IPv6', ['::ffff:203.0.113.7']],
    ['all IPv4 addresses as IPv6', ['::ffff:0:0/96']],
    ['an IPv4 range as IPv6, in hexadecimal', ['::ffff:cb00:7100/120']],
    ['a valid one and an invalid one', ['203.0.113.7', 'x']],
    ['a number', [5]],
    ['null', [null]],
    ['a list of lists', [['203.0.113.7']]],
    ['text instead of a list', '203.0.113.7'],
    ['an object instead of a list', { 0: '203.0.113.7' }],
    ['null instead of a list', null],
  ])('is refused as %s', (_, allowedIps) => expectRefusedField({ allowedIps }, 'allowedIps'));

  it.each(['203.0.113.7\u0000', '\ud800'])('is refused by the route as %j', async (range) => {
    const path = `/api/v1/proxy/keys/${key.id}`;
    const response = await owner.request('PATCH', path, { allowedIps: [range] });
    const { errors } = await expectProblem(response, 400, 'invalid_request');
    expect(errors).toMatchObject([{ path: 'allowedIps.0' }]);
  });
});

describe('an expiry', () => {
  it.each<[string, () => unknown]>([
    ['a time in the past', () => new Date(Date.now() - 1_000).toISOString()],
    ['the current time', () => new Date().toISOString()],
    ['a time in an earlier century', () => '1900-01-01T00:00:00Z'],
    ['a time in a later century', () => '2101-01-01T00:00:00Z'],
    ['the year 9999', () => '9999-12-31T23:59:59Z'],
    ['a year of five digits', () => '10000-01-01T00:00:00Z'],
    ['a date', () => '2080-01-01'],
    ['a time without a zone', () => '2080-01-01T00:00:00'],
    ['a time without a T', () => '2080-01-01 00:00:00Z'],
    ['a time without seconds', () => '2080-01-01T00:00Z'],
    ['a zone name', () => '2080-01-01T00:00:00 Europe/Berlin'],
    ['a time in lower case', () => '2080-01-01t00:00:00z'],
    ['the hour 24', () => '2079-12-31T24:00:00Z'],
    ['a leap second', () => '2079-12-31T23:59:60Z'],
    ['a zone out of range', () => '2080-01-01T00:00:00+24:00'],
    ['a day that does not exist', () => '2079-02-29T00:00:00Z'],
    ['a month that does not exist', () => '2080-13-01T00:00:00Z'],
    ['a word that Postgres accepts', () => 'tomorrow'],
    ['another word that Postgres accepts', () => 'infinity'],
    ['nothing', () => ''],
    ['a time with a trailing line break', () => '2080-01-01T00:00:00Z\n'],
    ['a number', () => 3_471_292_800],
    ['true', () => true],
    ['a list with a time', () => ['2080-01-01T00:00:00Z']],
    ['an object', () => ({})],
  ])('is refused as %s', (_, expiresAt) =>
    expectRefusedField({ expiresAt: expiresAt() }, 'expiresAt'),
  );

  it.each(Object.entries(askBy))('can be in any zone, by %s', async (_, ask) => {
    const own = await mintKey(owner);
    for (const expiresAt of ['2080-01-01T01:00:00+01:00', '2079-12-31T16:30:00.000-07:30']) {
      const { data } = await ask(calls.update(owner, own.id, { expiresAt }));
      expect(data?.expiresAt).toBe('2080-01-01T00:00:00.000Z');
    }
  });
});

describe('an unknown or read-only field', () => {
  it.each(['color', 'active', 'tier', 'liveMode', 'id', 'keyId', 'userId', 'deletedAt'])(
    'is refused: %s',
    (field) => expectRefusedField({ [field]: null }, field),
  );

  it.each(['bandwidthLimitBytes', 'rateLimit', 'suspendedAt', 'graceEndsAt'])(
    'is refused next to a valid one: %s',
    (field) => expectRefusedField({ label: 'x', [field]: 1 }, field),
  );
});

describe('changes that are not an object', () => {
  it.each<[string, unknown]>([
    ['null', null],
    ['an array', []],
    ['text', 'label'],
    ['a number', 5],
  ])('are refused over HTTP and RPC: %s', async (_, changes) => {
    const route = () => owner.request('PATCH', `/api/v1/proxy/keys/${key.id}`, changes);
    const rpc = () =>
      owner.supabase.rpc('update_proxy_key', { id: key.id, changes: changes as string });
    const { details } = await expectSameRefusal({ route, rpc }, 400, 'invalid_request');
    expect(details).toBe('changes');
  });
});
