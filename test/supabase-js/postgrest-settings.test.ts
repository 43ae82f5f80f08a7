import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { databaseUrl } from '../../scripts/stack/postgres.ts';
import { type OwnStack, startOwnStack } from '../support/own-stack.ts';
import { byVersion } from '../support/postgrest-version.ts';

// How PostgREST handles functions and settings that this product does not have yet: on a separate
// stack, as the test adds them to the schema. docs/platform.md lists it by version.

let stack: OwnStack;

const functions = `
  create sequence public.attempts;
  grant usage on sequence public.attempts to authenticated;

  create function public.fails_twice() returns bigint language plpgsql volatile as $$
  declare attempt bigint := nextval('public.attempts');
  begin
    if attempt < 3 then raise exception 'a conflict' using errcode = '40001'; end if;
    return attempt;
  end $$;

  create sequence public.readings;
  grant usage on sequence public.readings to authenticated;
  create or replace function public.proxy_account() returns public.proxy_account_state
    language plpgsql volatile security invoker set search_path = pg_catalog, pg_temp as $$
  begin
    if nextval('public.readings') < 2 then raise exception 'a conflict' using errcode = '40001'; end if;
    return proxy_private.own_account();
  end $$;

  create function public.takes(seconds float) returns void language sql volatile as
    $$ select pg_sleep(seconds) $$;

  create function public.takes_json(data jsonb) returns jsonb language sql stable as
    $$ select data $$;

  create function public.many_rows() returns setof integer language sql stable as
    $$ select generate_series(1, 1500) $$;
  create function public.many_items() returns jsonb language sql stable as
    $$ select jsonb_agg(n) from generate_series(1, 1500) as n $$;

  create function public.raises(message text, detail text) returns void language plpgsql stable as $$
  begin raise sqlstate 'PGRST' using message = message, detail = detail; end $$;

  create function public.setting(name text) returns text language sql stable as
    $$ select current_setting(name, true) $$;

  create function public.before_each() returns void language plpgsql stable as $$
  begin
    if current_setting('request.headers', true)::jsonb ? 'x-unwanted' then
      raise exception 'unwanted' using errcode = 'PT418';
    end if;
  end $$;

  grant execute on function public.fails_twice, public.takes, public.takes_json, public.many_rows,
    public.many_items, public.raises, public.setting, public.before_each to authenticated;
`;

interface Outcome {
  status: number;
  body: unknown;
  headers: Headers;
}

/** Calls a function with the admin's token. */
async function call(name: string, args: object = {}, headers = {}): Promise<Outcome> {
  const response = await stack.request(`/rest/v1/rpc/${name}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(args),
  });
  const text = await response.text();
  return {
    status: response.status,
    body: text === '' ? null : JSON.parse(text),
    headers: response.headers,
  };
}

beforeAll(async () => {
  stack = await startOwnStack();
  await stack.sql.unsafe(functions);
}, 300_000);
afterAll(() => stack?.stop());

it('a new function is found without a restart', async () => {
  await vi.waitFor(async () => {
    expect((await call('setting', { name: 'server_version_num' })).status).toBe(200);
  });
});

describe('a transaction that fails with a conflict (40001)', () => {
  it('is retried until it succeeds; since 16, the caller must retry', async () => {
    const { status, body } = await call('fails_twice');
    const expected = await byVersion<unknown>({
      12: { status: 200, body: 3 },
      16: { status: 500, body: { code: '40001' } },
    });
    expect({ status, body }).toMatchObject(expected as object);
  });

  it('is 503 from a route if PostgREST does not retry', async () => {
    const read = async () => {
      const { status, headers } = await stack.request('/api/v1/proxy/account');
      return [status, headers.get('Retry-After')];
    };
    expect(await read()).toEqual(await byVersion({ 12: [200, null], 16: [503, '2'] }));
    expect(await read()).toEqual([200, null]);
  });
});

describe('a single named argument', () => {
  it('is not taken from a body without that name', async () => {
    const { status, body } = await call('takes_json', { colour: 'red' });
    const code = await byVersion({ 12: '42883', '14.2': 'PGRST202' });
    expect({ status, body }).toMatchObject({ status: 404, body: { code } });
  });
});

describe('rows of a function', () => {
  it('are cut off at max_rows, unlike a single value', async () => {
    expect((await call('many_rows')).body).toHaveLength(1_000);
    expect((await call('many_items')).body).toHaveLength(1_500);
  });
});

describe('an error that a function raises as PGRST', () => {
  const message = { code: 'T1', message: 'short', details: 'some', hint: 'stout' };

  it('sets status, headers and body', async () => {
    const { status, headers, body } = await call('raises', {
      message: JSON.stringify(message),
      detail: JSON.stringify({ status: 418, headers: { 'X-Pot': 'tea' } }),
    });
    expect([status, headers.get('X-Pot'), body]).toEqual([418, 'tea', message]);
  });

  it.each([
    ['a message that is not JSON', 'short', '{"status":418,"headers":{}}'],
    ['a detail that is not JSON', JSON.stringify(message), 'short'],
  ])('is an internal error with %s', async (_, text, detail) => {
    const { status, body } = await call('raises', { message: text, detail });
    expect({ status, body }).toMatchObject({ status: 500, body: { code: 'PGRST121' } });
  });
});

describe('settings of a role', () => {
  const reload = () => stack.sql`notify pgrst, 'reload config'`;

  it('apply to the requests of that role: a statement timeout', async () => {
    expect((await call('setting', { name: 'statement_timeout' })).body).toBe('8s');
    await stack.sql`alter role authenticated set statement_timeout = '300ms'`;
    await reload();
    await vi.waitFor(async () => {
      expect((await call('setting', { name: 'statement_timeout' })).body).toBe('300ms');
    });
    const { status, body } = await call('takes', { seconds: 60 });
    expect({ status, body }).toMatchObject({ status: 500, body: { code: '57014' } });
    // a route that waits for a lock
    await stack.sql.begin(async (transaction) => {
      await transaction`lock table proxy_private.proxy_keys in access exclusive mode`;
      expect((await stack.request('/api/v1/proxy/keys')).status).toBe(503);
    });
    await stack.sql`alter role authenticated set statement_timeout = '8s'`;
    await reload();
    await vi.waitFor(async () => {
      expect((await call('setting', { name: 'statement_timeout' })).body).toBe('8s');
    });
  });

  it('can name a function that runs before each request, and ours still answer', async () => {
    const unwanted = () => call('proxy_health', {}, { 'X-Unwanted': 'yes' });
    expect((await unwanted()).status).toBe(200);
    // the platform lets role postgres set it
    const superuser = postgres(databaseUrl('supabase_admin', Number(stack.sql.options.port)));
    await superuser`alter role authenticator set pgrst.db_pre_request = 'public.before_each'`;
    await superuser.end();
    await reload();
    await vi.waitFor(async () => expect((await unwanted()).status).toBe(418));
    expect((await call('list_proxy_keys')).status).toBe(200);
    expect((await stack.request('/api/v1/proxy/keys')).status).toBe(200);
  });
});

it('a connection that breaks while a function runs causes 503', async () => {
  const running = call('takes', { seconds: 60 });
  await vi.waitFor(async () => {
    const ended = await stack.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where usename = 'authenticator' and query like '%takes%' and state = 'active'`;
    expect(ended.length).toBeGreaterThan(0);
  });
  const { status, body } = await running;
  expect([status, (body as { code: string }).code]).toEqual([503, 'PGRST001']);
});
