import { afterAll, beforeAll, expect, it } from 'vitest';
import { migrationsFolder, rebuildFrom, schemasFolder } from '../../scripts/schemas.ts';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';
import { readPrivileges } from './privilege-catalog.ts';

let own: OwnDatabase;
let expected: unknown;

beforeAll(async () => {
  own = await startOwnDatabase();
  expected = await read();
  await own.sql.unsafe(openAll);
});
afterAll(() => own.stop());

async function read(): Promise<unknown> {
  const { defaults, ...rest } = await readPrivileges(own.sql, [
    'public',
    'proxy_private',
    'gateway',
  ]);
  return rest;
}

/** What an owner runs to open every future object, as the platform once did for `public`. */
const openAll = ['tables', 'sequences', 'functions']
  .flatMap((kind) => [
    `alter default privileges grant all on ${kind}
       to public, anon, authenticated, service_role`,
    `alter default privileges in schema public grant all on ${kind}
       to anon, authenticated, service_role`,
  ])
  .join(';');

it.each([
  ['schema file', schemasFolder],
  ['migration', migrationsFolder],
])('no %s leaves anything open even if default privileges are open', async (_, folder) => {
  await rebuildFrom(folder, own.dbUrl);
  expect(await read()).toEqual(expected);
});
