import type postgres from 'postgres';

export interface AuditRow {
  action: string;
  /** The user that made the change. */
  actor: string | null;
  /** The owner of the key. */
  owner: string | null;
  requestId: string | null;
}

/** The history of a key, oldest first. */
export async function readAudit(sql: postgres.Sql, apiKeyId: string): Promise<AuditRow[]> {
  const rows = await sql<AuditRow[]>`
    select action, actor_id as actor, user_id as owner, request_id as "requestId"
    from proxy_private.proxy_key_audit where api_key_id = ${apiKeyId} order by occurred_at, id`;
  return [...rows];
}

/** The actions on a key, oldest first. */
export async function readActions(sql: postgres.Sql, apiKeyId: string): Promise<string[]> {
  return (await readAudit(sql, apiKeyId)).map(({ action }) => action);
}

/** The actions on a key and their reasons, oldest first. */
export async function readReasons(
  sql: postgres.Sql,
  apiKeyId: string,
): Promise<[action: string, reason: string | null][]> {
  const rows = await sql<{ action: string; reason: string | null }[]>`
    select action, reason from proxy_private.proxy_key_audit
    where api_key_id = ${apiKeyId} order by occurred_at, id`;
  return rows.map(({ action, reason }) => [action, reason]);
}
