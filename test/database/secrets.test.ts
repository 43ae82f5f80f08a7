import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { askBy, keyOf } from '../support/both-ways.ts';
import { calls } from '../support/calls.ts';
import type { MintedKey } from '../support/contract.ts';
import { connectOwner, newAdmin, newUser, type Persona, request } from '../support/personas.ts';
import { realAuth } from '../support/real-auth.ts';
import { hashSecret } from '../support/seeded-keys.ts';
import { type Finding, searchDatabase, searchFiles } from './search-everywhere.ts';

const stack = inject('stack');
const sql = connectOwner();
let owner: Persona;
let keys: MintedKey[];
/** What must not be stored anywhere. */
let secrets: string[];

/** Everything that can be done with a key and its user's token, including refusals and failures. */
beforeAll(async () => {
  const admin = await newAdmin();
  owner = await newUser();
  keys = [];
  for (const ask of Object.values(askBy)) {
    const minted = keyOf(await ask(calls.mint(owner, { label: 'secret' })));
    const rotated = keyOf(await ask(calls.rotate(owner, minted.id)));
    await ask(calls.delete(owner, minted.id));
    expect((await ask(calls.rotate(owner, minted.id))).code).toBe('key_deleted');
    expect((await ask(calls.reactivate(owner, minted.id))).code).toBe('forbidden');
    expect((await ask(calls.reactivate(admin, minted.id))).status).toBe(200);
    expect((await ask(calls.mint(owner, { label: '' }))).code).toBe('invalid_request');
    keys.push(minted, rotated, keyOf(await ask(calls.rotate(owner, minted.id))));
  }
  await failWith(owner.token);

  const sessions = await Promise.all(
    [owner, admin].map(async ({ supabase }) => (await supabase.auth.getSession()).data.session),
  );
  const tokens = sessions.flatMap((s) => (s ? [s.access_token, s.refresh_token] : []));
  expect(tokens).toHaveLength(4);
  secrets = [
    ...keys.flatMap(({ secret, basicAuth }) => [
      secret,
      basicAuth,
      Buffer.from(basicAuth).toString('base64'),
    ]),
    ...tokens,
  ];
});
afterAll(() => sql.end());

/** Requests on which Postgres, PostgREST or a function fails, and so may log something. */
async function failWith(token: string): Promise<void> {
  const rest = { token, headers: { apikey: stack.publishableKey } };
  const nul = { label: 'a\u0000b' };
  for (const [method, path, options] of [
    ['POST', '/rest/v1/rpc/mint_proxy_key', { ...rest, body: nul }],
    ['POST', '/api/v1/proxy/keys', { token, body: nul }],
    ['GET', '/rest/v1/proxy_key_summaries?id=eq.malformed', rest],
    ['GET', '/rest/v1/nothing', rest],
    ['GET', '/auth/v1/user', { ...rest, token: `${token}x` }],
    ['GET', '/api/v1/proxy/keys', { token: `${token}x` }],
  ] as const) {
    const response = await request(method, path, options);
    expect(response.status, path).toBeGreaterThanOrEqual(400);
    expect(response.status, path).toBeLessThan(500);
  }
}

const where = (findings: Finding[]) => [...new Set(findings.map((finding) => finding.where))];

describe('the search', () => {
  it('covers every schema, and finds what is stored', async () => {
    const [key] = keys;
    const last = keys.at(2);
    const hash = hashSecret(last?.keyId ?? '', last?.secret ?? '');
    const { findings, tables } = await searchDatabase(sql, [key?.keyId ?? '', owner.email, hash]);
    const found = findings.map((finding) => [finding.text, finding.where]);
    expect(found).toContainEqual([key?.keyId, 'proxy_private.proxy_keys']);
    expect(found).toContainEqual([owner.email, 'auth.users']);
    expect(found).toContainEqual([hash, 'proxy_private.proxy_key_secrets']);
    expect(tables.map((table) => table.split('.')[0])).toEqual(
      expect.arrayContaining(['auth', 'proxy_private', 'public', 'supabase_migrations']),
    );
  });

  it('finds a planted secret as text, in JSON, in an array or as bytes', async () => {
    const forms: [type: string, write: (secret: string) => string][] = [
      ['text', (s) => s],
      ['varchar(200)', (s) => `before ${s} after`],
      ['json', (s) => JSON.stringify({ deep: [{ in: s }] })],
      ['jsonb', (s) => JSON.stringify([s])],
      ['text[]', (s) => `{other,${s}}`],
      ['bytea', (s) => `\\x${Buffer.from(s).toString('hex')}`],
    ];
    const planted = forms.map(() => randomBytes(32).toString('hex'));
    const rolledBack = sql.begin(async (transaction) => {
      for (const [index, [type, write]] of forms.entries()) {
        await transaction.unsafe(
          `create unlogged table proxy_private.planted_${index} (kept ${type})`,
        );
        await transaction.unsafe(
          `insert into proxy_private.planted_${index} values ($1::text::${type})`,
          [write(planted[index] ?? '')],
        );
      }
      const { findings } = await searchDatabase(transaction, planted);
      expect(findings).toEqual(
        planted.map((text, index) => ({ text, where: `proxy_private.planted_${index}` })),
      );
      throw new Error('rolled back');
    });
    await expect(rolledBack).rejects.toThrow('rolled back');
    expect((await searchDatabase(sql, planted)).findings).toEqual([]);
  });

  it("finds Postgres's error messages in the logs, and reads the log of every service", async () => {
    const planted = randomBytes(32).toString('hex');
    await expect(sql.unsafe(`select '${planted}'::integer`)).rejects.toMatchObject({
      code: '22P02',
    });
    // Postgres writes its log after it has answered
    const { files } = await vi.waitFor(() => {
      const found = searchFiles(stack.logs, [planted]);
      expect(where(found.findings).map((file) => basename(file))).toEqual(['postgres.log']);
      return found;
    });
    expect(files.map((file) => basename(file))).toEqual(
      expect.arrayContaining([
        'function-admin.log',
        'function-api.log',
        'gateway.log',
        'postgres.log',
        'postgrest.log',
        ...(realAuth ? ['auth.log'] : []),
      ]),
    );
  });
});

describe('no secret, basicAuth, access token or refresh token is stored', () => {
  it('in any column of any table', async () => {
    expect(secrets).toHaveLength(6 * 3 + 4);
    const { findings } = await searchDatabase(sql, secrets);
    // Supabase Auth stores its refresh tokens as they are; the local Auth stores hashes
    expect(where(findings)).toEqual(realAuth ? ['auth.refresh_tokens'] : []);
  });

  it('in any log', () => {
    const { findings } = searchFiles(stack.logs, secrets);
    expect(where(findings)).toEqual([]);
  });

  it('in the statements that Postgres shows', async () => {
    const rows = await sql<{ query: string }[]>`select query from pg_stat_activity`;
    const shown = rows.map(({ query }) => query).join('\n');
    expect(shown).toContain('pg_stat_activity');
    expect(secrets.filter((secret) => shown.includes(secret))).toEqual([]);
  });
});

it("only the hash of a key's last secret is stored", async () => {
  const hashes = keys.map(({ keyId, secret }) => hashSecret(keyId, secret));
  const { findings } = await searchDatabase(sql, hashes);
  expect(findings).toHaveLength(2);
  expect(new Set(findings.map(({ text }) => text))).toEqual(new Set([hashes[2], hashes[5]]));
  expect(where(findings)).toEqual(['proxy_private.proxy_key_secrets']);
});
