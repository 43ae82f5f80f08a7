import type postgres from 'postgres';

/** An alert as stored in its table. */
export interface AlertRow {
  id: string;
  api_key_id: string | null;
  type: string;
  cause: string;
  data: Record<string, unknown>;
}

/** The alerts of a user, oldest first. */
export async function alertsOf(sql: postgres.Sql, userId: string): Promise<AlertRow[]> {
  return [
    ...(await sql<AlertRow[]>`
      select id, api_key_id, type, cause, data from proxy_private.proxy_alerts
      where user_id = ${userId} order by occurred_at, id`),
  ];
}
