import { expect } from 'vitest';
import { camelCase, snakeCase } from '../../supabase/functions/_shared/field-names.ts';
import type { BothWays, Fields } from './calls.ts';
import { expectProblem, type MintedKey } from './contract.ts';

/** The result of a call, in terms that HTTP and RPC share. */
export interface Answer {
  status: number;
  /** Null for a success; a refusal's stable code, or PostgREST's own code if it has none. */
  code: string | null;
  /** The refused field. */
  field: string | null;
  /** Seconds to wait. */
  retryAfter: number | null;
  /** The id of the key, for already_done. */
  doneFor: string | null;
  /** The code that PostgREST adds to a refusal; null over HTTP. */
  sqlState: string | null;
  /** The single object in the answer, in camelCase, with times in UTC. */
  data: Fields | null;
  /** The rows of a list. */
  items: Fields[];
  /** Where the next page of a list starts. */
  cursor: string | null;
}

const nothing = {
  code: null,
  field: null,
  retryAfter: null,
  doneFor: null,
  sqlState: null,
  data: null,
  items: [],
  cursor: null,
};

/** Makes a call over HTTP or by RPC. */
export const askBy = {
  route: async ({ route }: BothWays): Promise<Answer> => {
    const response = await route();
    const { status, headers } = response;
    const text = await response.clone().text();
    const body = (text === '' ? null : JSON.parse(text)) as Fields | Fields[] | null;
    if (!response.ok) {
      const { code, errors, id } = await expectProblem(
        response,
        status,
        String((body as Fields | null)?.code),
      );
      const wait = headers.get('Retry-After');
      return {
        ...nothing,
        status,
        code,
        field: errors?.[0]?.path ?? null,
        retryAfter: wait === null ? null : Number(wait),
        doneFor: id ?? null,
      };
    }
    if (!Array.isArray(body)) {
      return { ...nothing, status, data: contentOf(body) };
    }
    const next = /^<\?([^>]*)>; rel="next"$/.exec(headers.get('Link') ?? '')?.[1];
    const cursor = new URLSearchParams(next).get('cursor');
    return { ...nothing, status, items: body, cursor };
  },
  rpc: async ({ rpc }: BothWays): Promise<Answer> => {
    const { status, data, error } = await rpc();
    if (error) {
      const { hint, details } = error;
      const code = error.code === `PT${status}` ? hint : error.code;
      return {
        ...nothing,
        status,
        code,
        field: code === 'invalid_request' && details ? camelCase(details) : null,
        retryAfter: code === 'rate_limited' ? Number(details) : null,
        doneFor: code === 'already_done' ? details : null,
        sqlState: error.code,
      };
    }
    const row = inCamelCase(data) as Fields | Fields[] | null;
    if (Array.isArray(row)) return { ...nothing, status, items: row };
    if (!row || !Object.hasOwn(row, 'items')) return { ...nothing, status, data: row };
    const { items, nextCursor } = row as { items: Fields[]; nextCursor: string | null };
    return { ...nothing, status, items, cursor: nextCursor };
  },
};

/** The key from a successful mint or rotation. */
export function keyOf({ status, code, data }: Answer): MintedKey {
  expect({ code, secret: data?.secret }, `${status}`).toEqual({
    code: null,
    secret: expect.any(String),
  });
  return data as MintedKey;
}

/** Expects HTTP and RPC to refuse with this status, code and field; returns both refusals. */
export async function expectSameRefusal(
  ways: BothWays,
  status: number,
  code: string,
  field?: string,
) {
  const [response, { error, ...answer }] = await Promise.all([ways.route(), ways.rpc()]);
  const problem = await expectProblem(response, status, code);
  expect({ ...answer, code: error?.code, hint: error?.hint }).toMatchObject({
    status,
    data: null,
    code: `PT${status}`,
    hint: code,
  });
  if (field !== undefined) {
    expect(problem.errors?.map(({ path }) => path)).toEqual([field]);
    expect(error?.details).toBe(snakeCase(field));
  }
  return { response, problem, details: error?.details };
}

/** Expects HTTP and RPC to return the same, though SQL may return more; returns the HTTP answer. */
export async function expectSameAnswer(ways: BothWays): Promise<Answer> {
  const [route, rpc] = [await askBy.route(ways), await askBy.rpc(ways)];
  expect(route.code).toBeNull();
  expect(rpc).toMatchObject(route);
  return route;
}

/** The content of an answer with a single object, without its wrapper. */
function contentOf(body: Fields | null): Fields | null {
  const { key, grant, webhook, delivery, threshold, ...rest } = body ?? {};
  if (Object.keys(rest).length > 0) return body;
  return (key ?? grant ?? webhook ?? delivery ?? threshold ?? body) as Fields | null;
}

/** A value from SQL in the form that HTTP uses. */
function inCamelCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inCamelCase);
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT.*\+00:00$/.test(value)) {
    return new Date(value).toISOString();
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, at]) => [camelCase(name), inCamelCase(at)]),
  );
}
