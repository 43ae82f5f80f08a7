import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type PackageName, pack } from '../../scripts/packages/pack.ts';
import { dropSchemas } from '../../scripts/schemas.ts';
import { locateDeno } from '../../scripts/stack/programs.ts';
import { projectRoot } from '../../scripts/stack/project-root.ts';
import { runSupabaseCli } from '../../scripts/stack/supabase-cli.ts';
import { asUser } from '../database/database-role.ts';
import { readPrivileges } from '../database/privilege-catalog.ts';
import { plainRequest, sendRaw } from '../support/gateway/gateway-fixture.ts';
import { startGatewayProcess } from '../support/gateway/gateway-process.ts';
import { startPlainTarget } from '../support/gateway/targets.ts';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';

// A backend engineer has a Supabase project and no checkout, so both packages come as tarballs.

const run = promisify(execFile);
const machine = mkdtempSync(join(tmpdir(), 'an engineer '));
const bin = (name: string) => join(machine, 'node_modules', '.bin', name);
let project: string;

beforeAll(async () => {
  writeFileSync(join(machine, 'package.json'), '{"private": true}');
  const names: PackageName[] = ['create-proxy-keys', 'proxy-keys-gateway'];
  const paths: string[] = [];
  for (const name of names) paths.push((await pack(name, machine)).path);
  await run('npm', ['install', '--offline', ...paths], { cwd: machine });
});
afterAll(() => rmSync(machine, { recursive: true }));

beforeEach(async () => {
  project = mkdtempSync(join(machine, 'project '));
  await runSupabaseCli(['init', '--workdir', project]);
});

function write(path: string, text: string): void {
  const file = join(project, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** The project's files and their contents. */
function files(): Record<string, string> {
  const names = readdirSync(project, { recursive: true }).map(String).sort();
  const texts = names
    .filter((name) => statSync(join(project, name)).isFile())
    .map((name) => [name, readFileSync(join(project, name), 'latin1')]);
  return Object.fromEntries(texts);
}

const create = (...args: string[]) => run(bin('create-proxy-keys'), [project, ...args]);
const version = /^supabase\/migrations\/(\d{14})_proxy_keys_1_0_0\.sql$/;

describe('in a project with other contents', () => {
  const theirs = {
    'supabase/migrations/20200101000000_theirs.sql': `
      create schema private;
      create table private.notes (note text);
      create function private.note() returns text language sql as 'select ''theirs''';
      grant usage on schema private to anon;
      create table public.todos (todo text);
      alter default privileges in schema public grant select on tables to service_role;
      create role their_app nologin`,
    'supabase/functions/api/index.ts': "Deno.serve(() => new Response('theirs'));\n",
    'supabase/functions/_shared/cors.ts': 'export const theirs = true;\n',
    'supabase/seed.sql': 'insert into public.todos values (1);\n',
  };
  let own: OwnDatabase;

  beforeAll(async () => {
    own = await startOwnDatabase();
    await own.sql.unsafe(dropSchemas);
    await own.sql`delete from supabase_migrations.schema_migrations`;
  });
  afterAll(() => own.stop());
  beforeEach(() => {
    for (const [path, text] of Object.entries(theirs)) write(path, text);
  });

  const push = () => runSupabaseCli(['db', 'push', `--remote=${own.dbUrl}`, '--workdir', project]);
  const temporary = async () => {
    const [row] = await own.sql`
      select has_database_privilege('their_app', current_database(), 'temporary') as "may"`;
    return row?.may;
  };

  it('installs, changes none of the project’s own parts, and serves a first request', async () => {
    await push();
    const before = {
      files: files(),
      privileges: await readPrivileges(own.sql, ['private', 'public']),
      temporary: await temporary(),
    };
    const { stdout } = await create();
    expect(stdout).toContain(
      'The project already has a function api, so this one is named proxy-api.',
    );
    const { 'supabase/config.toml': config, ...others } = files();
    const { 'supabase/config.toml': configBefore = '', ...othersBefore } = before.files;
    expect(others).toMatchObject(othersBefore);
    expect(config?.startsWith(configBefore)).toBe(true);
    expect(config?.slice(configBefore.length)).toMatch(/^\[functions\.proxy-api\]/m);
    expect(Object.keys(others).some((name) => version.test(name))).toBe(true);

    await push();
    const after = await readPrivileges(own.sql, ['private', 'public']);
    expect(after).toMatchObject(before.privileges);
    expect(after.defaults).toEqual(before.privileges.defaults);
    expect(await temporary()).toBe(before.temporary);

    // the next command, then a key and a request
    const { stdout: login } = await run(bin('proxy-keys-gateway'), ['login', 'create', 'eu_1'], {
      env: { ...process.env, DATABASE_URL: own.dbUrl },
    });
    const [, gatewayUrl = ''] = /GATEWAY_DATABASE_URL="(.+)"/.exec(login) ?? [];
    const [user] = await own.sql<{ id: string }[]>`
      insert into auth.users (id, email) values (gen_random_uuid(), 'developer@example.com')
      returning id`;
    const basicAuth = await asUser(own.sql, user?.id ?? '', async (transaction) => {
      const [minted] = await transaction<{ basic_auth: string }[]>`
        select basic_auth from public.mint_proxy_key('first')`;
      return minted?.basic_auth ?? '';
    });
    const target = await startPlainTarget();
    onTestFinished(() => target.close());
    const gateway = startGatewayProcess(
      {
        GATEWAY_DATABASE_URL: gatewayUrl,
        GATEWAY_PORT: '0',
        GATEWAY_METRICS_PORT: '0',
        GATEWAY_SPOOL_DIR: join(machine, 'spool'),
        GATEWAY_ALLOW_TARGETS: '127.0.0.0/8',
      },
      {
        node: process.env.NODE_22_BIN ?? process.execPath,
        script: bin('proxy-keys-gateway'),
      },
    );
    onTestFinished(async () => void (await gateway.kill()));
    const { port } = await gateway.ready();
    await vi.waitFor(async () => {
      const url = `http://127.0.0.1:${target.port}/`;
      expect((await sendRaw(port, plainRequest(url, basicAuth))).status).toBe(200);
    });
  });

  it('installs complete functions under their new names', async () => {
    await create();
    // the functions' imports, as `npm ci` installed them: nothing is downloaded
    for (const name of ['package.json', 'node_modules']) {
      symlinkSync(join(projectRoot, name), join(project, name));
    }
    for (const name of ['proxy-api', 'deliver']) {
      const folder = join(project, 'supabase/functions', name);
      const config = `--config=${join(folder, 'deno.json')}`;
      const args = ['check', '--quiet', '--node-modules-dir=manual', config];
      await expect(run(locateDeno(), [...args, join(folder, 'index.ts')])).resolves.toBeDefined();
    }
  });

  it('does nothing if it is already installed', async () => {
    await create();
    const before = files();
    expect((await create()).stdout).toContain('Everything is already installed.');
    expect(files()).toEqual(before);
  });

  it('replaces a changed file only after the question is answered with yes', async () => {
    await create();
    write('supabase/functions/admin/app.ts', 'changed');
    const before = files();
    await expect(create()).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/functions\/admin\/app\.ts[\s\S]*Nothing was written/),
    });
    expect(files()).toEqual(before);
    await create('--yes');
    expect(files()['supabase/functions/admin/app.ts']).not.toBe('changed');
  });

  it('adds a migration later than all of the project’s own', async () => {
    write('supabase/migrations/29990101000000_planned.sql', 'select 1;');
    await create();
    const [name = ''] = Object.keys(files()).filter((file) => version.test(file));
    expect(version.exec(name)?.[1]).toBe('29990101000001');
  });
});

it('writes nothing if the project creates a schema or role of the same name', async () => {
  write('supabase/migrations/20200101000000_a.sql', 'create schema if not exists "gateway";');
  write('supabase/schemas/a.sql', 'CREATE ROLE proxy_gateway;');
  const before = files();
  await expect(create()).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /gateway in supabase\/migrations[\s\S]*proxy_gateway in supabase\/schemas/,
    ),
  });
  expect(files()).toEqual(before);
});

it('with --dry-run, shows what it would write, and writes nothing', async () => {
  const before = files();
  const { stdout } = await create('--dry-run');
  expect(stdout).toMatch(/supabase\/migrations: 1 file$/m);
  expect(files()).toEqual(before);
});

it('in a folder without a project, tells the user to run `supabase init`', async () => {
  rmSync(join(project, 'supabase'), { recursive: true });
  await expect(create()).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('npx supabase init'),
  });
  expect(existsSync(join(project, 'supabase'))).toBe(false);
});
