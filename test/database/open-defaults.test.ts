import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { projectRoot } from '../../scripts/stack/project-root.ts';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';
import { readPrivileges } from './privilege-catalog.ts';

const folder = join(projectRoot, 'supabase/migrations');
let own: OwnDatabase;

beforeAll(async () => {
  own = await startOwnDatabase();
});
afterAll(() => own.stop());

/** What an owner does who opens all that will be made, as the platform once did for `public`. */
const openAll = ['tables', 'sequences', 'functions']
  .flatMap((kind) => [
    `alter default privileges grant all on ${kind}
       to public, anon, authenticated, service_role`,
    `alter default privileges in schema public grant all on ${kind}
       to anon, authenticated, service_role`,
  ])
  .join(';');

it('no migration leaves anything open where default privileges are open', async () => {
  const { sql } = own;
  const read = async () => {
    const { defaults, ...rest } = await readPrivileges(sql, ['public', 'private', 'gateway']);
    return rest;
  };
  const expected = await read();
  await sql.unsafe(`
    drop schema private cascade;
    drop schema gateway cascade;
    drop schema public cascade;
    create schema public authorization pg_database_owner;
    grant usage on schema public to public, postgres, anon, authenticated, service_role`);
  for (const file of readdirSync(folder).toSorted()) {
    await sql.unsafe(openAll);
    await sql.begin((migration) => migration.unsafe(readFileSync(join(folder, file), 'utf8')));
  }
  expect(await read()).toEqual(expected);
});
