import { afterAll, beforeAll, expect, it } from 'vitest';
import { calls } from '../../support/calls.ts';
import { expectProblem, type KeyDetail } from '../../support/contract.ts';
import { getKey, insertKeys, listKeys, mintKey } from '../../support/key-scenes.ts';
import { connectOwner, newUser, type Persona, request } from '../../support/personas.ts';
import { parseCsv, requestCsv } from '../usage/csv-scenes.ts';

const path = '/api/v1/proxy/keys';
const header = [
  'id',
  'keyId',
  'label',
  'tier',
  'liveMode',
  'state',
  'quotaUsedUpBy',
  'bandwidthUsedThisPeriodBytes',
  'bandwidthLimitBytes',
  'rateLimit',
  'tunnelLimit',
  'allowedIps',
  'lastUsedAt',
  'createdAt',
  'rotatedAt',
  'expiresAt',
  'suspendedAt',
  'suspendedReason',
  'deletedAt',
] as const;
const sql = connectOwner();
let owner: Persona;
beforeAll(async () => {
  owner = await newUser();
});
afterAll(() => sql.end());

const read = async (by: Persona, query = '') => {
  const response = await requestCsv(by, `${path}${query}`);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  expect(response.headers.get('Content-Disposition')).toBe('attachment; filename="keys.csv"');
  return parseCsv(text);
};

const csvRow = (key: KeyDetail) =>
  header.map((name) => {
    const value = key[name as keyof KeyDetail];
    return Array.isArray(value) ? value.join(' ') : String(value ?? '');
  });

it('an owner gets the same fields of each key as from the list and the single key', async () => {
  const { id } = await mintKey(owner, { label: 'a, "b"\u00a0é', liveMode: false });
  await owner.request('PATCH', `${path}/${id}`, {
    allowedIps: ['203.0.113.0/24', '2001:db8::/32'],
    expiresAt: new Date(Date.now() + 60_000).toISOString(),
  });
  const suspended = await mintKey(owner, { label: 'suspended' });
  await sql`
    update proxy_private.proxy_keys set suspended_at = now(), suspended_reason = ${'Abuse, "again"'}
    where id = ${suspended.id}`;
  await owner.request('DELETE', `${path}/${(await mintKey(owner)).id}`);
  const keys = await Promise.all((await listKeys(owner)).map((listed) => getKey(owner, listed.id)));
  expect(await read(owner)).toEqual([[...header], ...keys.map(csvRow)]);
});

it.each(['=1+1', '+1', '-1', '@SUM(A1)'])('a label is never a formula: %s', async (label) => {
  const user = await newUser();
  await mintKey(user, { label });
  const [, row] = await read(user);
  expect(row?.[2]).toBe(`'${label}`);
});

it('keys that span three parts each appear once, in the requested order', async () => {
  const user = await newUser();
  await insertKeys(sql, user.id, { count: 450 });
  const [, ...rows] = await read(user, '?sort=label&state=undeleted');
  expect(rows.map((row) => row[2])).toEqual(Array.from({ length: 450 }, (_, n) => `key ${n + 1}`));
  const [, ...some] = await read(user, '?search=KEY%2044');
  expect(some.map((row) => row[2]).toSorted()).toEqual(
    [44, 440, 441, 442, 443, 444, 445, 446, 447, 448, 449].map((n) => `key ${n}`).toSorted(),
  );
  // with supabase-js, one part per call
  const { data } = await user.supabase.rpc('export_proxy_keys', { sort: 'label' });
  expect(parseCsv(data?.csv ?? '')).toHaveLength(201);
  const next = await user.supabase.rpc('export_proxy_keys', {
    sort: 'label',
    cursor: data?.next_cursor ?? '',
  });
  expect(parseCsv(next.data?.csv ?? '')).toHaveLength(200);
});

it('HEAD answers like GET, and paging parameters are refused', async () => {
  const ask = (query: string, method = 'GET') =>
    request(method, `${path}${query}`, { token: owner.token, headers: { Accept: 'text/csv' } });
  const head = await ask('', 'HEAD');
  expect([head.status, head.headers.get('Content-Type')?.split(';')[0]]).toEqual([200, 'text/csv']);
  for (const [query, field] of [
    ['?limit=5', 'limit'],
    ['?cursor=x', 'cursor'],
    ['?sort=size', 'sort'],
  ] as const) {
    const { errors } = await expectProblem(await ask(query), 400, 'invalid_request');
    expect(errors?.map((error) => error.path)).toEqual([field]);
  }
  await expectProblem(await calls.keysCsv(owner, { tier: 'gold' }).route(), 400, 'invalid_request');
});
