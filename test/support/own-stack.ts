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

/** The database of a stack, without its other parts, for one test file. */
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
 * Starts a database for a test file. Maintenance locks and drops whole months: on the shared stack
 * it would hit other tests' rows.
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

/** A whole stack for one test file, with an admin who has one key. */
export interface OwnStack {
  /** The schema's owner. */
  sql: postgres.Sql;
  adminId: string;
  keyId: string;
  /** The admin's request to a path of the API. */
  request(path: string, init?: RequestInit): Promise<Response>;
  /** The process of one of its programs. */
  pidOf(name: string): number;
  /** For the file's `afterAll`. */
  stop(): Promise<void>;
}

/** Starts a stack that a test may lock, measure and break. */
export async function startOwnStack(): Promise<OwnStack> {
  const stack = await startStack({ ephemeral: true });
  const sql = postgres(stack.dbUrl, { max: 4, onnotice: () => {} });
  const auth = { persistSession: false, autoRefreshToken: false };
  const account = {
    email: `${randomUUID()}@example.com`,
    password: 'correct horse battery staple',
  };
  const attributes = { ...account, email_confirm: true, app_metadata: { role: 'admin' } };
  await createClient(stack.url, stack.secretKey, { auth }).auth.admin.createUser(attributes);
  const supabase = createClient(stack.url, stack.publishableKey, { auth });
  const { data } = await supabase.auth.signInWithPassword(account);
  if (!data.session) throw new Error('the admin was not signed in');
  const { access_token: token, user } = data.session;
  const minted = await supabase.rpc('mint_proxy_key', { label: 'key' });
  const keyId = (minted.data as { id: string }).id;
  await ageKeys(sql, [keyId]);
  return {
    sql,
    adminId: user.id,
    keyId,
    request: (path, init) =>
      fetch(`${stack.url}${path}`, {
        ...init,
        headers: { ...init?.headers, Authorization: `Bearer ${token}` },
      }),
    pidOf(name) {
      const file = join(dirname(stack.logs), processesFileName);
      const { programs } = JSON.parse(readFileSync(file, 'utf8')) as RunRecord;
      const program = programs.find((each) => each.name === name);
      if (!program) throw new Error(`no ${name} is running`);
      return program.process.pid;
    },
    async stop() {
      await sql.end({ timeout: 1 });
      await stack.stop();
    },
  };
}
