import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createClient } from '@supabase/supabase-js';
import postgres from 'postgres';
import type { RunRecord } from '../../scripts/stack/run-record.ts';
import { startStack } from '../../scripts/stack/stack.ts';
import { processesFileName } from '../../scripts/stack/state-directory.ts';
import { ageKeys } from './aged-key.ts';

/** A whole stack that one test file has for itself, with a user who has one key. */
export interface OwnApi {
  /** The schema's owner. */
  sql: postgres.Sql;
  userId: string;
  keyId: string;
  /** A user's request to a path of the API. */
  get(path: string, accept: string): Promise<Response>;
  /** Resolves when no part of a CSV has been asked for in many requests that were answered since. */
  untilQuiet(): Promise<void>;
  /** The most memory that the function `api` has ever taken, in MiB; null where no one tells. */
  peakMemory(): number | null;
  /** For the file's `afterAll`. */
  stop(): Promise<void>;
}

/** Starts a stack whose tables may be locked and whose memory may be measured. */
export async function startOwnApi(): Promise<OwnApi> {
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
    async untilQuiet() {
      for (let quiet = 0; quiet < 30; quiet += 1) {
        await (await get('/api/v1/health', '*/*')).text();
        if ((await countExports(sql)) > 0) quiet = 0;
      }
    },
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

/** How many parts of CSV are being read, or waited for. */
export async function countExports(sql: postgres.Sql, waiting = false): Promise<number> {
  const [row] = await sql`
    select count(*)::integer from pg_stat_activity
    where usename = 'authenticator' and state = 'active'
      and query like '%export_proxy_key_events%'
      and (${waiting} = false or wait_event_type = 'Lock')`;
  return Number(row?.count);
}
