import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { expectAnswer, type KeySummary, listAnswer } from '../../support/contract.ts';
import { insertKeys, listKeys } from '../../support/key-scenes.ts';
import { connectOwner, newUser, type Persona } from '../../support/personas.ts';

const { url } = inject('stack');
const sql = connectOwner();
let owner: Persona;
let newest: string[];

/** 205 keys: more than the largest page. */
beforeAll(async () => {
  owner = await newUser();
  await insertKeys(sql, owner.id, { count: 205, deleted: true });
  newest = (await listKeys(owner)).map(({ id }) => id);
});
afterAll(() => sql.end());

/** A page, and the address of the next page, resolved from `Link` against this one. */
async function getPage(
  address: string | URL,
  user = owner,
): Promise<{ keys: KeySummary[]; next: URL | null }> {
  const response = await fetch(address, { headers: { Authorization: `Bearer ${user.token}` } });
  const keys = await expectAnswer(response, 200, listAnswer);
  const link = response.headers.get('Link');
  if (link === null) return { keys, next: null };
  const [, target = ''] = /^<([^<>]*)>; rel="next"$/.exec(link) ?? [];
  expect(target, link).not.toBe('');
  return { keys, next: new URL(target, address) };
}

/** The ids on each page from this address on. */
async function followLinks(address: string, user = owner): Promise<string[][]> {
  const pages: string[][] = [];
  for (let next: URL | null = new URL(address); next !== null; ) {
    const page = await getPage(next, user);
    pages.push(page.keys.map(({ id }) => id));
    next = page.next;
  }
  return pages;
}

describe.each(['/api/v1/proxy/keys', '/functions/v1/api/v1/proxy/keys'])('GET %s', (path) => {
  it.each([1, 20, 199, 200])('is paged by %s, with each key once, newest first', async (limit) => {
    const user = limit === 1 ? await newUser() : owner;
    if (limit === 1) await insertKeys(sql, user.id, { count: 4 });
    const ids = limit === 1 ? (await listKeys(user)).map(({ id }) => id) : newest;
    const pages = await followLinks(`${url}${path}?limit=${limit}`, user);
    expect(pages.flat()).toEqual(ids);
    expect(pages.slice(0, -1).every((page) => page.length === limit)).toBe(true);
    expect(pages).toHaveLength(Math.ceil(ids.length / limit));
  });

  it('links to the next page only on its own path, keeping the query', async () => {
    const ofThePlatform = '&apikey=left-out&forceFunctionRegion=eu-west-1';
    const address = `${url}${path}?limit=2&label=key%201%26%3E&active=false${ofThePlatform}`;
    const user = await newUser();
    await insertKeys(sql, user.id, { count: 3, deleted: true });
    await sql`update proxy_private.proxy_keys set label = 'key 1&>' where user_id = ${user.id}`;
    const { next } = await getPage(address, user);
    expect(`${next?.origin}${next?.pathname}`).toBe(`${url}${path}`);
    const { cursor, ...kept } = Object.fromEntries(next?.searchParams ?? []);
    expect(kept).toEqual({ limit: '2', label: 'key 1&>', active: 'false' });
    expect(cursor).toMatch(/^[\w-]{32}$/);
    expect((await followLinks(address, user)).map((page) => page.length)).toEqual([2, 1]);
  });
});

describe('a list', () => {
  it('without parameters is complete and has no next link', async () => {
    const { keys, next } = await getPage(`${url}/api/v1/proxy/keys`);
    expect(keys).toHaveLength(205);
    expect(next).toBeNull();
  });

  it('ends with an exactly full page, and without an empty page', async () => {
    const pages = await followLinks(`${url}/api/v1/proxy/keys?limit=41`);
    expect(pages.map((page) => page.length)).toEqual([41, 41, 41, 41, 41]);
  });

  it('has no next link if the limit is at least the number of keys', async () => {
    const user = await newUser();
    await insertKeys(sql, user.id, { count: 3 });
    for (const [limit, more] of [
      [2, true],
      [3, false],
      [4, false],
    ] as const) {
      const { next } = await getPage(`${url}/api/v1/proxy/keys?limit=${limit}`, user);
      expect(next !== null, `limit ${limit}`).toBe(more);
    }
  });

  it('is empty and has no next link if the user has no keys', async () => {
    const page = await getPage(`${url}/api/v1/proxy/keys?limit=1`, await newUser());
    expect(page).toEqual({ keys: [], next: null });
  });

  it('continues from a cursor without a limit to its end', async () => {
    const { next } = await getPage(`${url}/api/v1/proxy/keys?limit=5`);
    next?.searchParams.delete('limit');
    const rest = await getPage(next ?? '');
    expect(rest.keys.map(({ id }) => id)).toEqual(newest.slice(5));
    expect(rest.next).toBeNull();
  });

  it('continues from a cursor with another limit', async () => {
    const { next } = await getPage(`${url}/api/v1/proxy/keys?limit=5`);
    next?.searchParams.set('limit', '3');
    const rest = await getPage(next ?? '');
    expect(rest.keys.map(({ id }) => id)).toEqual(newest.slice(5, 8));
  });

  it("shows only the caller's own keys for another user's cursor", async () => {
    const [user, other] = [await newUser(), await newUser()];
    await insertKeys(sql, user.id, { count: 3 });
    await insertKeys(sql, other.id, { count: 3 });
    const { next } = await getPage(`${url}/api/v1/proxy/keys?limit=1`, user);
    next?.searchParams.delete('limit');
    const theirs = new Set((await listKeys(other)).map(({ id }) => id));
    const { keys } = await getPage(next ?? '', other);
    expect(keys.every(({ id }) => theirs.has(id))).toBe(true);
  });
});
