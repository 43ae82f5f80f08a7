import { afterAll, beforeAll, expect, it } from 'vitest';
import { applySchemaFiles } from '../../scripts/schemas.ts';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';
import { readPrivileges } from './privilege-catalog.ts';

let own: OwnDatabase;

beforeAll(async () => {
  own = await startOwnDatabase();
});
afterAll(() => own.stop());

/** What an owner runs to open every future object, as the platform once did for `public`. */
const openAll = ['tables', 'sequences', 'functions']
  .flatMap((kind) => [
    `alter default privileges grant all on ${kind}
       to public, anon, authenticated, service_role`,
    `alter default privileges in schema public grant all on ${kind}
       to anon, authenticated, service_role`,
  ])
  .join(';');

it('no schema file leaves anything open even if default privileges are open', async () => {
  const { sql } = own;
  const read = async () => {
    const { defaults, ...rest } = await readPrivileges(sql, ['public', 'proxy_private', 'gateway']);
    return rest;
  };
  const expected = await read();
  await sql.unsafe(openAll);
  await applySchemaFiles(own.dbUrl);
  expect(await read()).toEqual(expected);
});
