import { randomUUID } from 'node:crypto';
import type { Sql } from 'postgres';
import type { Persona } from './personas.ts';

/** Where nobody listens: for webhooks of which a test needs no more than that they exist. */
export const nowhere = `http://127.0.0.1:9/${randomUUID()}`;

/** What makes a webhook that gets nothing by itself. */
export const idleWebhook = { kind: 'webhook', url: nowhere, types: ['webhook.test'] };

/** A webhook of a user, or by an admin of the operator, that gets nothing by itself; its id. */
export async function makeWebhook(by: Persona, operator = false): Promise<string> {
  const { data, error } = await by.supabase.rpc('create_proxy_webhook', {
    ...idleWebhook,
    operator,
  });
  if (error) throw error;
  return (data as { id: string }).id;
}

/** A test alert to a webhook; the id of its delivery. */
export async function testWebhook(by: Persona, id: string, operator = false): Promise<string> {
  const { data, error } = await by.supabase.rpc('test_proxy_webhook', { id, operator });
  if (error) throw error;
  return (data as { id: string }).id;
}

/** Removes what these made, in this process: a user and the operator may have ten. */
export async function removeIdleWebhooks(sql: Sql): Promise<void> {
  await sql`delete from proxy_private.proxy_webhooks where address = ${nowhere}`;
}
