import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { recordUsageWith } from '../gateway/usage/record-usage.ts';
import { resendRecorded } from '../gateway/usage/resend-recorded.ts';
import { maintain } from '../scripts/maintain/maintain.ts';
import { newPool, recordedIds } from './gateway/usage/recorded-usage.ts';
import {
  connectRequest,
  type GatewayFixture,
  readToEnd,
  sendRaw,
  startTestGateway,
} from './support/gateway/gateway-fixture.ts';
import { startTcpTarget, type TargetServer } from './support/gateway/targets.ts';
import { callCommand } from './support/operator-command.ts';
import { type OwnDatabase, startOwnDatabase } from './support/own-stack.ts';
import type { SeededKey } from './support/seeded-keys.ts';
import { findDrift } from './support/usage-events.ts';

// The database is lost and restored to an earlier moment, so later changes are missing.

const hour = 3_600_000;
const folder = mkdtempSync(join(tmpdir(), 'restore-'));
const logs = join(folder, 'gateway.log');
let database: OwnDatabase;
let target: TargetServer;
beforeAll(async () => {
  [database, target] = await Promise.all([
    startOwnDatabase(),
    startTcpTarget((socket) => socket.pipe(socket)),
  ]);
});
afterAll(async () => {
  await Promise.all([database.stop(), target.close()]);
  rmSync(folder, { recursive: true });
});

function inDatabase(given: string, name: string): string {
  const url = new URL(given);
  url.pathname = name;
  return url.href;
}

/** Connects as role postgres, for one test. */
function connect(name: string): postgres.Sql {
  const sql = postgres(inDatabase(database.dbUrl, name), { max: 2, onnotice: () => {} });
  onTestFinished(() => sql.end());
  return sql;
}

/** A gateway on the database of that name; all of them use the same spool. */
async function startGateway(name: string): Promise<GatewayFixture> {
  const gateway = await startTestGateway({
    databaseUrl: inDatabase(database.gatewayDbUrl, name),
    spoolDirectory: join(folder, 'spool'),
    spoolKeepMs: hour,
  });
  onTestFinished(() => gateway.stop());
  await vi.waitFor(async () => {
    expect((await fetch(`${gateway.operationsUrl}/readyz`)).status).toBe(200);
  });
  return gateway;
}

/** The status that a key gets; a tunnel is closed first. */
async function ask({ port }: GatewayFixture, { keyId, secret }: SeededKey): Promise<number> {
  const request = connectRequest(`127.0.0.1:${target.port}`, `${keyId}:${secret}`);
  const { status, socket } = await sendRaw(port, request);
  socket.end();
  if (status === 200) await readToEnd(socket);
  return status;
}

describe('after a restore to an earlier moment', () => {
  it('later revocations are enforced again, and later usage is counted once', async () => {
    const keys = (await database.newKeys(6)) as [
      SeededKey,
      SeededKey,
      SeededKey,
      SeededKey,
      SeededKey,
      SeededKey,
    ];
    const [deleted, suspended, rotated, limited, used, gone] = keys;
    await database.sql`update proxy_private.proxy_keys set deleted_at = now() where id = ${gone.id}`;
    await database.sql.end();
    // stands for the backup and the WAL that was archived up to that moment
    const operator = connect('template1');
    await operator`
      select pg_terminate_backend(pid) from pg_stat_activity where datname = 'postgres'`;
    await operator`create database restored template postgres`;
    const since = new Date();

    const before = await startGateway('postgres');
    const lost = connect('postgres');
    expect(await Promise.all(keys.map((key) => ask(before, key)))).toEqual([
      ...Array(5).fill(200),
      407,
    ]);
    await lost`update proxy_private.proxy_keys set deleted_at = now() where id = ${deleted.id}`;
    await lost`update proxy_private.proxy_keys set suspended_at = now() where id = ${suspended.id}`;
    await lost`update proxy_private.proxy_keys set rotated_at = now() where id = ${rotated.id}`;
    await lost`
      update proxy_private.proxy_keys set limit_overrides = '{"rate_limit": 1}' where id = ${limited.id}`;
    await vi.waitFor(() => {
      expect(before.logged.filter((line) => line.includes('a key changed'))).toHaveLength(4);
    });
    // once, as a request that is still served would be counted below
    expect(await ask(before, deleted)).toBe(407);
    await before.stop();
    const usedIds = await recordedIds(lost, used.id);
    expect(usedIds).toHaveLength(1);

    const restored = connect('restored');
    const restoredUrl = inDatabase(database.dbUrl, 'restored');
    const after = await startGateway('restored');
    // the state after the restore alone
    expect(await Promise.all(keys.slice(0, 4).map((key) => ask(after, key)))).toEqual(
      Array(4).fill(200),
    );
    const hostile = '{"msg":"a key changed","keyId":"avp_live_0\n'.concat(
      `${'a key changed'.repeat(10_000)}\n`,
      JSON.stringify({ msg: 'a key changed', keyId: "'; drop table", occurredAt: new Date() }),
    );
    writeFileSync(logs, [...before.logged.map((line) => line.trim()), hostile].join('\n'));
    const revoke = ['--revoke-since', since.toISOString(), '--logs', logs, logs];
    const first = await callCommand(maintain, revoke, restoredUrl);
    expect(first.stderr).toBe('');
    const counts = (stdout: string) =>
      Object.fromEntries(
        stdout
          .trimEnd()
          .split('\n')
          .slice(-6)
          .map((line) => line.split(/ {2,}/)),
      );
    expect(counts(first.stdout)).toEqual({
      keys: 'count',
      'suspended now': '4',
      'suspended by an earlier run': '0',
      'already deleted or suspended': '0',
      'not in the database': '0',
      'lines that cannot be read': '6',
    });
    for (const { keyId } of keys.slice(0, 4)) expect(first.stdout).toContain(keyId);
    const second = await callCommand(maintain, revoke, restoredUrl);
    expect(counts(second.stdout)).toMatchObject({
      'suspended now': '0',
      'suspended by an earlier run': '4',
    });
    await vi.waitFor(async () => {
      const answers = await Promise.all(keys.slice(0, 4).map((key) => ask(after, key)));
      expect(answers).toEqual([403, 403, 403, 403]);
    });
    // once, as this request is counted below
    expect([await ask(after, used), await ask(after, gone)]).toEqual([200, 407]);

    await after.stop();
    const counted = await recordedIds(restored, used.id);
    const pool = newPool({ connectionString: inDatabase(database.gatewayDbUrl, 'restored') });
    expect(counted).toHaveLength(1);
    for (const { id } of keys) expect(await findDrift(restored, [id])).toEqual([]);
    const record = recordUsageWith(pool);
    for (const recorded of [5, 0]) {
      const sent = await resendRecorded(join(folder, 'spool'), { since, record });
      expect(sent).toMatchObject({ failure: null, outcomes: [{ recorded, refused: 0 }] });
    }
    expect(await recordedIds(restored, used.id)).toEqual([...counted, ...usedIds].sort());
    expect(
      await findDrift(
        restored,
        keys.map(({ id }) => id),
      ),
    ).toEqual([]);
  });

  it.each([
    [['--revoke-since', '2026-07-31T03:00:00Z'], '--logs'],
    [['--logs', 'x.log'], '--revoke-since'],
    [['--revoke-since', '2026-07-31', '--logs', 'x.log'], 'zone'],
    [['--revoke-since', '2026-07-31T03:00:00Z', '--logs', 'x.log', '--keep-days', '3'], '--until'],
    [['--revoke-since', '2026-07-31T03:00:00Z', '--logs', '/nowhere/x.log'], 'ENOENT'],
  ])('%j is refused', async (args, words) => {
    const { code, stderr } = await callCommand(maintain, args, database.dbUrl);
    expect([code, stderr]).toEqual([1, expect.stringContaining(words)]);
  });
});
