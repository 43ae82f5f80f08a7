import { afterAll, describe, expect, inject, it } from 'vitest';
import { connectGateway, connectOwner, request, signToken } from '../personas.ts';
import { listRelations, listRoutines } from './catalog.ts';

const stack = inject('stack');
const sql = connectOwner();
const gateway = connectGateway(1);
afterAll(() => Promise.all([sql.end(), gateway.end()]));

const schemas = ['public', 'private', 'gateway', 'auth', 'extensions'];
const ownFunctions = ['gateway.lookup_proxy_key(text)', 'gateway.record_usage(jsonb)'];

describe('the gateway, in SQL', () => {
  it('calls its two functions', async () => {
    expect(await gateway`select * from gateway.lookup_proxy_key('avp_live_unknown')`).toEqual([]);
    const [outcome] = await gateway`select * from gateway.record_usage('[]')`;
    expect(outcome).toEqual({ recorded: 0, repeated: 0, rejected: [] });
  });

  it('may call no other function', async () => {
    const routines = await listRoutines(sql, schemas);
    const others = routines.filter(({ signature }) => !ownFunctions.includes(signature));
    expect(others).toHaveLength(routines.length - 2);
    for (const { call } of others) {
      await expect(gateway.unsafe(`select ${call}`), call).rejects.toMatchObject({ code: '42501' });
    }
  });

  it('may neither read nor change any table, partition or view', async () => {
    const relations = await listRelations(sql, schemas);
    expect(relations.length).toBeGreaterThan(10);
    for (const { qualified, writable } of relations) {
      const statements = [
        `select from ${qualified} limit 1`,
        ...(writable
          ? [`insert into ${qualified} default values`, `delete from ${qualified}`]
          : []),
      ];
      for (const statement of statements) {
        await expect(gateway.unsafe(statement), statement).rejects.toMatchObject({ code: '42501' });
      }
    }
  });

  it('may make nothing in a schema of ours', async () => {
    for (const schema of schemas) {
      await expect(gateway.unsafe(`create table ${schema}.mine ()`)).rejects.toMatchObject({
        code: '42501',
      });
    }
  });

  it('may not become another role', async () => {
    for (const role of ['anon', 'authenticated', 'service_role', 'authenticator', 'postgres']) {
      await expect(gateway.unsafe(`set role ${role}`), role).rejects.toMatchObject({
        code: '42501',
      });
    }
  });
});

it.each(['GET', 'POST'])('a token cannot make a %s request run as the gateway', async (method) => {
  const token = await signToken({ role: 'proxy_gateway', sub: crypto.randomUUID() });
  const response = await request(method, '/rest/v1/rpc/proxy_health', {
    token,
    headers: { apikey: stack.publishableKey },
  });
  expect(response.status).toBe(403);
  expect(await response.json()).toMatchObject({ code: '42501' });
});
