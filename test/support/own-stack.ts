import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createClient } from '@supabase/supabase-js';
import postgres from 'postgres';
import { localGatewayLogin } from '../../scripts/stack/database.ts';
import { databaseUrl } from '../../scripts/stack/postgres.ts';
import { postgresUser } from '../../scripts/stack/process-user.ts';
import type { RunRecord } from '../../scripts/stack/run-record.ts';
import { startStack } from '../../scripts/stack/stack.ts';
import { startDatabase } from '../../scripts/stack/start-database.ts';
import { openStateDirectory, processesFileName } from '../../scripts/stack/state-directory.ts';
import { createSupervisor } from '../../scripts/stack/supervisor.ts';
import { ageKeys, type SeededKey, seedKeys } from './seeded-keys.ts';

/** The database of a stack, without its other parts, that one test file has for itself. */
export interface OwnDatabase {
  /** Role postgres. */
  dbUrl: string;
  /** Role proxy_gateway. */
  gatewayDbUrl: string;
  /** The schema's owner. */
  sql: postgres.Sql;
  /** The CONNECT gateway's role. */
  gateway: postgres.Sql;
  /** Keys of a new user. */
  newKeys(count: number): Promise<SeededKey[]>;
  /** For the file's `afterAll`. */
  stop(): Promise<void>;
}

/**
 * Starts a database for a test file. Maintenance works on whole months, locks them and drops them: on
 * the shared stack it would meet other tests' rows.
 */
export async function startOwnDatabase(): Promise<OwnDatabase> {
  const state = openStateDirectory({ ephemeral: true, user: postgresUser() });
  const supervisor = await createSupervisor(state.processesFile, () => {});
  const port = await startDatabase({ supervisor, state, durable: false, report: () => {} });
  const [dbUrl, gatewayDbUrl] = [
    databaseUrl('postgres', port),
    databaseUrl(localGatewayLogin, port),
  ];
  const sql = postgres(dbUrl, { max: 8, onnotice: () => {} });
  const gateway = postgres(gatewayDbUrl, { max: 8, onnotice: () => {} });
  const stop = async () => {
    await Promise.all([sql.end({ timeout: 1 }), gateway.end({ timeout: 1 })]);
    await supervisor.stopAll();
    state.remove();
  };
  const newKeys = async (count: number) => {
    const id = randomUUID();
    await sql`insert into auth.users (id, email) values (${id}, ${`${id}@example.com`})`;
    return seedKeys(sql, id, count);
  };
  return { dbUrl, gatewayDbUrl, sql, gateway, newKeys, stop };
}

/** A whole stack that one test file has for itself, with a user who has one key. */
export interface OwnStack {
  /** The schema's owner. */
  sql: postgres.Sql;
  userId: string;
  keyId: string;
  /** A user's request to a path of the API. */
  get(path: string, accept: string): Promise<Response>;
  /** The most memory that the function `api` has ever taken, in MiB; null where no one tells. */
  peakMemory(): number | null;
  /** For the file's `afterAll`. */
  stop(): Promise<void>;
}

/** Starts a stack whose tables may be locked and whose memory may be measured. */
export async function startOwnStack(): Promise<OwnStack> {
  const stack = await startStack({ ephemeral: true });
  const sql = postgres(stack.dbUrl, { max: 4, onnotice: () => {} });
  const supabase = createClient(stack.url, stack.publishableKey, {
    auth: { persistSession: false, autoRefreshToken: false },
  });
  const email = `${randomUUID()}@example.com`;
  const { data } = await supabase.auth.signUp({ email, password: 'correct horse battery staple' });
  const token = data.session?.access_token ?? '';
  const minted = await supabase.rpc('mint_proxy_key', { label: 'key' });
  const userId = data.user?.id ?? '';
  const keyId = (minted.data as { id: string }).id;
  await ageKeys(sql, [keyId]);
  const get = (path: string, accept: string) =>
    fetch(`${stack.url}${path}`, { headers: { Authorization: `Bearer ${token}`, Accept: accept } });

  return {
    sql,
    userId,
    keyId,
    get,
    peakMemory() {
      if (process.platform !== 'linux') return null;
      const file = join(dirname(stack.logs), processesFileName);
      const { programs } = JSON.parse(readFileSync(file, 'utf8')) as RunRecord;
      const pid = programs.find(({ name }) => name === 'Function api')?.process.pid;
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
    },
    async stop() {
      await sql.end({ timeout: 1 });
      await stack.stop();
    },
  };
}
