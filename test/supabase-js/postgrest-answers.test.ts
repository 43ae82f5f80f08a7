import { beforeAll, describe, expect, inject, it } from 'vitest';
import { listRoutines } from '../support/catalog.ts';
import { insertKeys } from '../support/key-scenes.ts';
import { connectOwner, newAdmin, newUser, type Persona } from '../support/personas.ts';
import { byVersion } from '../support/postgrest-version.ts';

// What PostgREST adds to the answers of our functions; docs/platform.md lists it by version.

const { publishableKey, restUrl } = inject('stack');
const sql = connectOwner();
let user: Persona;

beforeAll(async () => {
  user = await newUser();
  return () => sql.end();
});

interface Question {
  method?: string;
  headers?: Record<string, string>;
  body?: unknown;
  token?: string | null;
}

function ask(path: string, { method, headers, body, token = user.token }: Question = {}) {
  return fetch(`${restUrl}${path}`, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      apikey: publishableKey,
      ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

describe('headers', () => {
  it('list what an answer varies by since 16, except for a refusal', async () => {
    const vary = await byVersion({ 12: null, 16: 'Accept, Prefer, Range' });
    for (const path of ['/proxy_tiers', '/proxy_key_summaries', '/rpc/list_proxy_keys']) {
      expect([path, (await ask(path)).headers.get('Vary')]).toEqual([path, vary]);
    }
    expect((await ask('/nothing')).headers.get('Vary')).toBeNull();
  });

  it('name the code of a refusal since 13', async () => {
    const { headers } = await ask('/rpc/get_proxy_key', { body: { id: 'none' } });
    const status = await byVersion({ 12: null, 13: 'PostgREST; error=PT404' });
    expect(headers.get('Proxy-Status')).toBe(status);
  });

  it('ask for a missing token, and name the fault of an invalid one', async () => {
    const none = await ask('/proxy_tiers', { token: null });
    expect([none.status, none.headers.get('WWW-Authenticate')]).toEqual([401, 'Bearer']);
    const bad = await ask('/proxy_tiers', { token: 'a.b.c' });
    expect(bad.headers.get('WWW-Authenticate')).toMatch(/^Bearer error="invalid_token"/);
  });

  it('include those that our function sets', async () => {
    const { headers } = await ask('/rpc/mint_proxy_key', { body: { label: 'x' } });
    expect(headers.get('RateLimit-Policy')).toContain('q=60;w=60');
    expect(headers.get('RateLimit')).toContain('r=59');
  });

  it('let a page of any origin read answers and refusals, but not Retry-After', async () => {
    for (const path of ['/proxy_tiers', '/nothing']) {
      const { headers } = await ask(path, { headers: { Origin: 'https://app.example' } });
      expect(headers.get('Access-Control-Allow-Origin')).toBe('*');
      expect(headers.get('Access-Control-Allow-Credentials')).toBeNull();
      // a page reads the seconds from `details`
      expect(headers.get('Access-Control-Expose-Headers')).not.toMatch(/retry-after|ratelimit/i);
    }
  });
});

describe('a function that returns nothing', () => {
  it('is 204 without a body', async () => {
    const { token } = await newAdmin();
    const body = { user: user.email, tier: 'enterprise', reason: 'Because.' };
    expect((await ask('/rpc/grant_proxy_tier', { body, token })).status).toBe(200);
    const revoked = await ask('/rpc/revoke_proxy_tier', { body, token });
    expect([revoked.status, await revoked.text()]).toEqual([204, '']);
  });
});

describe('rows', () => {
  let many: Persona;
  beforeAll(async () => {
    many = await newUser();
    await insertKeys(sql, many.id, { count: 1_100, deleted: true });
  });
  const rangeOf = async (query: string, Prefer = '') => {
    const response = await ask(`/proxy_key_summaries?select=id${query}`, {
      token: many.token,
      headers: { Prefer },
    });
    const { length } = (await response.json()) as unknown[];
    return `${response.status} ${length} ${response.headers.get('Content-Range')}`;
  };

  it('are cut off at 1,000, and the rest can be requested', async () => {
    expect(await rangeOf('')).toBe('200 1000 0-999/*');
    expect(await rangeOf('&offset=1000')).toBe('200 100 1000-1099/*');
  });

  it("are counted exactly, but only the user's own", async () => {
    expect(await rangeOf('', 'count=exact')).toBe('206 1000 0-999/1100');
    expect(await rangeOf('&label=eq.none', 'count=exact')).toBe('200 0 */0');
  });

  it('are estimated by a number that is the same for every user', async () => {
    expect(await rangeOf('', 'count=planned')).toBe('200 1000 0-999/100');
    expect(await rangeOf('', 'count=estimated')).toBe('206 1000 0-999/1001');
    expect(await rangeOf('&limit=1', 'count=estimated')).toBe('206 1 0-0/1001');
  });

  it.each(['id.count()', 'bandwidth_used_this_period_bytes.sum()'])(
    'cannot be aggregated: %s',
    async (select) => {
      const response = await ask(`/proxy_key_summaries?select=${select}`);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ code: 'PGRST123' });
    },
  );

  it('of one function call are one row, whatever its length', async () => {
    const { data } = await many.supabase.rpc('list_proxy_keys');
    expect(data?.items).toHaveLength(1_100);
  });
});

describe('the OpenAPI description at the root', () => {
  const pathsFor = async (token: string | null) => {
    const response = await ask('/', { token });
    expect(response.headers.get('Content-Type')).toMatch(/^application\/openapi\+json/);
    return Object.keys(((await response.json()) as { paths: object }).paths).toSorted();
  };

  it('shows an anonymous caller only the health check', async () => {
    expect(await pathsFor(null)).toEqual(['/', '/rpc/proxy_health']);
  });

  it('shows a user what the migrations grant', async () => {
    // except the delivery functions, which are only for the secret key
    const routines = (await listRoutines(sql, ['public'])).filter(
      ({ name }) => !/^(claim|report)_/.test(name),
    );
    const functions = new Set(routines.map(({ name }) => `/rpc/${name}`));
    expect(await pathsFor(user.token)).toEqual(
      ['/', '/proxy_key_summaries', '/proxy_tiers', ...functions].toSorted(),
    );
  });
});
