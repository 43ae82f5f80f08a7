import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { listRelations, type Relation } from '../support/catalog.ts';
import { connectOwner, createSupabase, newAdmin, type Persona } from '../support/personas.ts';
import { type ApiRole, asRole } from './database-role.ts';
import { type FurnishedOwner, newFurnishedOwner } from './furnished-owner.ts';

const stack = inject('stack');
const sql = connectOwner();
let owner: FurnishedOwner;
let admin: Persona;
let relations: Relation[];
let closedRelations: Relation[];

beforeAll(async () => {
  [owner, admin] = await Promise.all([newFurnishedOwner(), newAdmin()]);
  relations = await listRelations(sql, ['public']);
  closedRelations = await listRelations(sql, ['proxy_private', 'gateway']);
});
afterAll(() => sql.end());

type Client = Persona['supabase'];
type Row = Record<string, unknown>;

/** One row that the owner reads in each table and view, and that no other test changes. */
const known = new Map<string, () => [column: string, value: string]>([
  ['proxy_key_summaries', () => ['id', owner.key.id]],
  ['proxy_tiers', () => ['tier', 'developer']],
]);

/** The row that a writer would send back, changed or not. */
async function ownRow(name: string): Promise<Row> {
  const identify = known.get(name);
  if (!identify) throw new Error(`no row of ${name} is known`);
  const [column, value] = identify();
  const { data } = await owner.user.supabase
    .from(name as 'proxy_tiers')
    .select()
    .eq(column as 'tier', value);
  const [row] = data ?? [];
  if (!row) throw new Error(`the owner has no row in ${name}`);
  return row;
}

/** Each way to write a row with supabase-js. */
function writes(client: Client, name: string, row: Row) {
  const table = () => client.from(name as 'proxy_tiers');
  const [column = '', value] = Object.entries(row)[0] ?? [];
  return {
    insert: table().insert(row as never),
    upsert: table().upsert(row as never),
    'upsert, ignoring duplicates': table().upsert(row as never, { ignoreDuplicates: true }),
    update: table()
      .update(row as never)
      .eq(column as 'tier', value as never),
    delete: table()
      .delete()
      .eq(column as 'tier', value as never),
  };
}

describe('over supabase-js, no table or view can be written by', () => {
  it.each<[string, () => Client]>([
    ['the owner of the rows', () => owner.user.supabase],
    ['an admin', () => admin.supabase],
    ['an anonymous caller', () => createSupabase()],
    ['the secret key', () => createSupabase(stack.secretKey)],
  ])('%s', async (_, client) => {
    for (const { name, writable } of relations) {
      const row = await ownRow(name);
      for (const [write, attempt] of Object.entries(writes(client(), name, row))) {
        const { error, status } = await attempt;
        expect(status, `${write} ${name}`).toBeGreaterThanOrEqual(400);
        // a view that cannot be written at all is refused before its privileges are checked
        expect([write, name, error?.code]).toEqual([write, name, writable ? '42501' : '55000']);
      }
      expect(await ownRow(name)).toEqual(row);
    }
    for (const { name } of closedRelations) {
      for (const [write, attempt] of Object.entries(writes(client(), name, { id: owner.key.id }))) {
        const { error, status } = await attempt;
        expect(error, `${write} ${name}`).not.toBeNull();
        expect([write, name, status]).toEqual([write, name, 404]);
      }
    }
  });
});

describe('in SQL, no table can be written by', () => {
  it.each<ApiRole>(['anon', 'authenticated', 'service_role'])('%s', async (role) => {
    for (const { qualified, column, view, writable } of [...relations, ...closedRelations]) {
      if (!writable) continue;
      for (const statement of [
        `insert into ${qualified} default values`,
        `update ${qualified} set ${column} = ${column}`,
        `delete from ${qualified}`,
        ...(view ? [] : [`truncate ${qualified}`]),
        `select from ${qualified} for update`,
      ]) {
        const attempt = asRole(sql, role, { sub: owner.user.id }, (transaction) =>
          transaction.unsafe(statement),
        );
        await expect(attempt, statement).rejects.toMatchObject({ code: '42501' });
      }
    }
  });
});
