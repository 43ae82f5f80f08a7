import { beforeAll, describe, expect, inject, it } from 'vitest';
import { mintKey } from '../support/key-scenes.ts';
import { newUser, type Persona } from '../support/personas.ts';
import { type ByVersion, byVersion } from '../support/postgrest-version.ts';

// How PostgREST handles a request before our function runs; docs/platform.md lists it by version.

const { publishableKey, restUrl } = inject('stack');
let user: Persona;

beforeAll(async () => {
  user = await newUser();
});

interface Question {
  method?: string;
  headers?: Record<string, string>;
  /** Sent unchanged. */
  body?: string;
}

async function ask(path: string, { method, headers, body }: Question = {}): Promise<Response> {
  return fetch(`${restUrl}${path}`, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      apikey: publishableKey,
      Authorization: `Bearer ${user.token}`,
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
  });
}

type Outcome = [status: number, code: string | null];

async function outcomeOf(path: string, question: Question = {}): Promise<Outcome> {
  const response = await ask(path, question);
  const text = await response.text();
  const { code = null } = text === '' ? {} : ((JSON.parse(text) ?? {}) as { code?: string });
  return [response.status, code];
}

const countKeys = async (): Promise<number> => {
  const { data } = await user.supabase.from('proxy_key_summaries').select('id');
  return data?.length ?? 0;
};

describe('an unknown item', () => {
  it.each<[string, string, Question, ByVersion<Outcome>]>([
    ['a function', '/rpc/nothing', { body: '{}' }, { 12: [404, 'PGRST202'] }],
    ['an argument', '/rpc/get_proxy_key', { body: '{"a":1}' }, { 12: [404, 'PGRST202'] }],
    ['a table', '/nothing', {}, { 12: [404, '42P01'], 13: [404, 'PGRST205'] }],
    ['a column', '/proxy_tiers?select=nothing', {}, { 12: [400, '42703'] }],
    ['a relation', '/proxy_tiers?select=nothing(*)', {}, { 12: [400, 'PGRST200'] }],
    ['an operator', '/proxy_tiers?tier=is.like.x', {}, { 12: [400, 'PGRST100'] }],
    ['a path', '/rpc/proxy_health/more', {}, { 12: [404, null], 13: [404, 'PGRST125'] }],
  ])('is refused: %s', async (_, path, question, answers) => {
    expect(await outcomeOf(path, question)).toEqual(await byVersion(answers));
  });
});

it('a URL of 7,000 characters is accepted: URLs contain filters, but not arguments', async () => {
  const path = `/proxy_tiers?tier=in.(${'a'.repeat(7_000)})`;
  expect(await outcomeOf(path)).toEqual([200, null]);
});

describe('a method', () => {
  it.each<[string, string, Outcome]>([
    ['PUT', '/rpc/proxy_health', [405, 'PGRST101']],
    ['DELETE', '/rpc/proxy_health', [405, 'PGRST101']],
    ['PROPFIND', '/proxy_tiers', [405, 'PGRST117']],
  ])('%s of %s is not allowed', async (method, path, outcome) => {
    expect(await outcomeOf(path, { method })).toEqual(outcome);
  });

  it.each(['GET', 'HEAD'])('%s changes nothing: no link mints a key', async (method) => {
    const before = await countKeys();
    const { status } = await ask('/rpc/mint_proxy_key?label=by+a+link', { method });
    expect([status, await countKeys()]).toEqual([405, before]);
  });

  it('HEAD answers like GET, without the body', async () => {
    const path = '/rpc/proxy_usage_summary';
    const [head, get] = [await ask(path, { method: 'HEAD' }), await ask(path)];
    expect([head.status, await head.text()]).toEqual([200, '']);
    for (const name of ['content-type', 'content-range', 'vary']) {
      expect(head.headers.get(name)).toBe(get.headers.get(name));
    }
  });
});

describe('a body', () => {
  it('that is missing, null, text or an empty list has no arguments', async () => {
    for (const body of ['', 'null', '"text"', '[]', '{}']) {
      expect([body, await outcomeOf('/rpc/list_proxy_keys', { body })]).toEqual([
        body,
        [200, null],
      ]);
    }
  });

  it('without arguments mints nothing', async () => {
    const before = await countKeys();
    for (const body of ['null', '"text"', '[]', '{}']) {
      const outcome = await outcomeOf('/rpc/mint_proxy_key', { body });
      expect([body, outcome]).toEqual([body, [400, 'PT400']]);
    }
    expect(await outcomeOf('/rpc/mint_proxy_key', { body: '' })).toEqual([400, '22P02']);
    expect(await countKeys()).toBe(before);
  });

  it('with a list of two mints one key', async () => {
    const before = await countKeys();
    const body = JSON.stringify([{ label: 'one' }, { label: 'two' }]);
    expect(await outcomeOf('/rpc/mint_proxy_key', { body })).toEqual([200, null]);
    expect(await countKeys()).toBe(before + 1);
  });

  it('that is not JSON is refused', async () => {
    expect(await outcomeOf('/rpc/list_proxy_keys', { body: '{' })).toEqual([400, 'PGRST102']);
  });

  it('of another media type is refused', async () => {
    const question = { body: 'x', headers: { 'Content-Type': 'image/png' } };
    expect(await outcomeOf('/rpc/proxy_health', question)).toEqual([400, 'PGRST102']);
  });

  it("of text is not used as a function's only named argument: nothing is deleted", async () => {
    const { keyId } = await mintKey(user);
    const question = { body: keyId, headers: { 'Content-Type': 'text/plain' } };
    const refused = await byVersion({ 12: [404, '42883'], '14.2': [404, 'PGRST202'] });
    expect(await outcomeOf('/rpc/delete_proxy_key', question)).toEqual(refused);
    const { data } = await user.supabase.rpc('get_proxy_key', { id: keyId });
    expect(data).toMatchObject({ active: true });
  });

  it('that matches no arguments goes to the function with one unnamed argument', async () => {
    // so that mint refuses it like its route
    const question = { body: '{"label":"x","colour":"red"}' };
    expect(await outcomeOf('/rpc/mint_proxy_key', question)).toEqual([400, 'PT400']);
  });
});

describe('the media type of an answer', () => {
  it.each(['image/png', 'application/vnd.pgrst.plan+json', 'text/html'])(
    'cannot be %s, so no query plan is shown',
    async (Accept) => {
      const status = await byVersion({ 12: 415, '12.0.3': 406 });
      for (const path of ['/proxy_tiers', '/proxy_key_summaries', '/rpc/proxy_health']) {
        expect(await outcomeOf(path, { headers: { Accept } })).toEqual([status, 'PGRST107']);
      }
    },
  );

  it('can be a single object if there is exactly one row', async () => {
    const headers = { Accept: 'application/vnd.pgrst.object+json' };
    const none = await outcomeOf('/proxy_tiers?tier=eq.none', { headers });
    expect(none).toEqual([406, 'PGRST116']);
    const one = await ask('/proxy_tiers?tier=eq.team&select=tier', { headers });
    expect([one.status, await one.json()]).toEqual([200, { tier: 'team' }]);
  });
});

describe('a schema', () => {
  it.each(['proxy_private', 'gateway', 'auth', 'pg_catalog', ''])(
    'can only be public: %j',
    async (schema) => {
      const read = await outcomeOf('/proxy_tiers', { headers: { 'Accept-Profile': schema } });
      const headers = { 'Content-Profile': schema };
      const write = await outcomeOf('/rpc/mint_proxy_key', { body: '{"label":"x"}', headers });
      expect([read, write]).toEqual([
        [406, 'PGRST106'],
        [406, 'PGRST106'],
      ]);
    },
  );
});

describe('a preference', () => {
  it('for a time zone changes the format of times, but not the month', async () => {
    await mintKey(user);
    const summary = '/rpc/proxy_usage_summary';
    const headers = { Prefer: 'timezone=Pacific/Kiritimati' };
    const [there, here] = await Promise.all(
      [{ headers }, {}].map(async (question) => (await ask(summary, question)).json()),
    );
    expect(there).toEqual(here);
    const [row] = await (await ask('/proxy_key_summaries?select=created_at', { headers })).json();
    expect(row.created_at).toMatch(/\+14:00$/);
  });

  it('for an unknown time zone is refused since 16', async () => {
    const headers = { Prefer: 'timezone=nowhere' };
    const answer = await byVersion<Outcome>({ 12: [200, null], 16: [400, '22023'] });
    expect(await outcomeOf('/proxy_tiers', { headers })).toEqual(answer);
  });

  it('that is unknown is ignored, except with handling=strict', async () => {
    const asking = (Prefer: string) => outcomeOf('/proxy_tiers', { headers: { Prefer } });
    expect(await asking('colour=red')).toEqual([200, null]);
    expect(await asking('handling=strict, colour=red')).toEqual([400, 'PGRST122']);
  });

  it('cannot roll back: a key that was returned exists', async () => {
    const before = await countKeys();
    const question = { body: '{"label":"kept"}', headers: { Prefer: 'tx=rollback' } };
    expect(await outcomeOf('/rpc/mint_proxy_key', question)).toEqual([200, null]);
    expect(await countKeys()).toBe(before + 1);
  });

  it('cannot turn a body into one argument since 13', async () => {
    const question = { body: '{"label":"x"}', headers: { Prefer: 'params=single-object' } };
    const answer = await byVersion<Outcome>({ 12: [400, 'PT400'], 13: [200, null] });
    expect(await outcomeOf('/rpc/mint_proxy_key', question)).toEqual(answer);
  });
});
