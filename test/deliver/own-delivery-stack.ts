import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import postgres from 'postgres';
import { type Stack, startStack } from '../../scripts/stack/stack.ts';
import type { Database } from '../../supabase/functions/_shared/database.types.ts';

/** An attempt at a delivery. */
export interface Attempt {
  outcome: string;
  status: number | null;
  duration_ms: number;
  answer: string | null;
}

/** An owner of keys and webhooks on a stack for one test file. */
export interface Owner {
  id: string;
  supabase: SupabaseClient<Database>;
  token: string;
  createWebhook(args: Record<string, unknown>): Promise<{ id: string; secret: string | null }>;
  mint(): Promise<string>;
}

export interface DeliveryStack extends Stack {
  sql: postgres.Sql;
  newOwner(): Promise<Owner>;
  /** The attempts at a webhook's deliveries, in order. */
  attemptsOf(webhookId: string): Promise<Attempt[]>;
  /** The log of the function `deliver`. */
  readLog(): string;
}

/** Starts a stack whose functions have these environment variables. */
export async function startDeliveryStack(
  functionEnvironment: Record<string, string>,
): Promise<DeliveryStack> {
  const stack = await startStack({ ephemeral: true, dashboard: false, functionEnvironment });
  const sql = postgres(stack.dbUrl, { max: 4, onnotice: () => {} });
  const auth = { persistSession: false, autoRefreshToken: false };
  return {
    ...stack,
    sql,
    readLog: () => readFileSync(join(stack.logs, 'function-deliver.log'), 'utf8'),
    async newOwner() {
      const supabase = createClient<Database>(stack.url, stack.publishableKey, { auth });
      const account = { email: `${randomUUID()}@example.com`, password: 'correct horse battery' };
      const { data, error } = await supabase.auth.signUp(account);
      if (error || !data.user || !data.session) throw error ?? new Error('no session');
      return {
        id: data.user.id,
        supabase,
        token: data.session.access_token,
        async createWebhook(args) {
          const made = await supabase.rpc('create_proxy_webhook', args as { kind: string });
          if (made.error) throw made.error;
          return made.data as unknown as { id: string; secret: string | null };
        },
        async mint() {
          const minted = await supabase.rpc('mint_proxy_key', { label: 'key' });
          if (minted.error) throw minted.error;
          return (minted.data as { id: string }).id;
        },
      };
    },
    attemptsOf: async (webhookId) => [
      ...(await sql<Attempt[]>`
        select a.outcome, a.status, a.duration_ms, a.answer
        from proxy_private.proxy_delivery_attempts as a
        join proxy_private.proxy_deliveries as d on d.id = a.delivery_id
        where d.webhook_id = ${webhookId} order by a.started_at`),
    ],
    async stop() {
      await sql.end({ timeout: 1 });
      await stack.stop();
    },
  };
}
