import { randomUUID } from 'node:crypto';
import type { Sql } from 'postgres';
import type { Persona } from './personas.ts';

/** A URL where nothing listens, for webhooks that only need to exist. */
export const nowhere = `http://127.0.0.1:9/${randomUUID()}`;

/** The fields of a webhook that only gets test alerts. */
export const idleWebhook = { kind: 'webhook', url: nowhere, types: ['webhook.test'] };

/** Creates such a webhook of a user, or as an admin of the operator; returns its id. */
export async function makeWebhook(by: Persona, operator = false): Promise<string> {
  const { data, error } = await by.supabase.rpc('create_proxy_webhook', {
    ...idleWebhook,
    operator,
  });
  if (error) throw error;
  return (data as { id: string }).id;
}

/** Sends a test alert to a webhook; returns the id of its delivery. */
export async function testWebhook(by: Persona, id: string, operator = false): Promise<string> {
  const { data, error } = await by.supabase.rpc('test_proxy_webhook', { id, operator });
  if (error) throw error;
  return (data as { id: string }).id;
}

/** Removes the webhooks created in this process: a user and the operator may have ten each. */
export async function removeIdleWebhooks(sql: Sql): Promise<void> {
  await sql`delete from proxy_private.proxy_webhooks where address = ${nowhere}`;
}
