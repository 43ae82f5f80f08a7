import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { databaseUrl } from '../../scripts/stack/postgres.ts';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';
import {
  postgresProgram as program,
  withoutPostgresPrograms,
} from '../support/postgres-programs.ts';
import { recordUsage, usageEvent } from '../support/usage-events.ts';
import { readPrivileges } from './privilege-catalog.ts';

const run = promisify(execFile);
const schemas = ['public', 'proxy_private', 'gateway'];

describe.skipIf(withoutPostgresPrograms)('a full database, dumped and restored', () => {
  let own: OwnDatabase;
  let restored: postgres.Sql;
  let batch: ReturnType<typeof usageEvent>[];

  beforeAll(async () => {
    own = await startOwnDatabase();
    const keys = await own.newKeys(3);
    const hour = 3_600_000;
    batch = keys.flatMap(({ id }) =>
      Array.from({ length: 200 }, (_, n) =>
        usageEvent(id, {
          occurredAt: new Date(Date.now() - n * hour).toISOString(),
          targetHost: `${n % 7}.example.com`,
          targetSite: 'example.com',
          ...(n % 5 === 0 && {
            code: 'rate_limited',
            statusCode: 429,
            bytesSent: 0,
            bytesReceived: 0,
          }),
        }),
      ),
    );
    expect(await recordUsage(own.gateway, batch)).toMatchObject({ recorded: 600, rejected: [] });

    const { port } = new URL(own.dbUrl);
    const admin = databaseUrl('supabase_admin', Number(port));
    const dump = join(tmpdir(), `usage-${port}.dump`);
    await run(program('pg_dump'), ['--format=custom', `--file=${dump}`, admin]);
    const maker = postgres(admin, { max: 1 });
    await maker`create database restored owner postgres template template0`;
    await maker.end();
    const to = new URL(admin);
    to.pathname = '/restored';
    // it stops at the first error
    await run(program('pg_restore'), ['--exit-on-error', `--dbname=${to}`, dump]);
    rmSync(dump);
    to.username = 'postgres';
    restored = postgres(String(to), { max: 1, onnotice: () => {} });
  });
  afterAll(async () => {
    await restored?.end();
    await own?.stop();
  });

  it('has the same owners, grants, definers and policies', async () => {
    expect(await readPrivileges(restored, schemas)).toEqual(await readPrivileges(own.sql, schemas));
  });

  it('has the same rows in every table', async () => {
    const count = async (sql: postgres.Sql) => {
      const tables = await sql<{ name: string }[]>`
        select c.oid::regclass::text as name
        from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = any(${schemas}) and c.relkind in ('r', 'p') order by 1`;
      const rows = tables.map(async ({ name }) => {
        const [row] = await sql.unsafe(
          `select count(*)::integer, md5(string_agg(t::text, '|' order by t::text)) from ${name} as t`,
        );
        return [name, row];
      });
      return Object.fromEntries(await Promise.all(rows));
    };
    const before = await count(own.sql);
    expect(before['proxy_private.proxy_usage_events'].count).toBeGreaterThanOrEqual(600);
    expect(await count(restored)).toEqual(before);
  });

  it('counts an event that is reported again only once', async () => {
    const to = new URL(own.gatewayDbUrl);
    to.pathname = '/restored';
    const gateway = postgres(String(to), { max: 1 });
    const [key] = batch;
    const next = usageEvent(key?.apiKeyId ?? '');
    expect(await recordUsage(gateway, [...batch, next])).toMatchObject({
      recorded: 1,
      repeated: 600,
    });
    await gateway.end();
  });

  it('is maintained as before, and maintenance restores the privileges on the database', async () => {
    const reports = await restored<{ task: string; outcome: string }[]>`
      select task, outcome from proxy_private.maintain_usage()`;
    const bad = reports.filter(({ outcome }) => !['unchanged', 'made'].includes(outcome));
    expect(bad).toEqual([{ task: 'privileges', outcome: 'repaired' }]);
  });
});
