import type postgres from 'postgres';

const usual = {
  event_id: 'gen_random_uuid()',
  target_host: `'shop.example.com'`,
  method: `'CONNECT'`,
  status_code: '200',
  bytes_sent: 'n % 1000',
  bytes_received: 'n % 7919',
  duration_ms: '50',
  served_by_node_id: `'node-1'`,
};

/** Inserts events of a key in one statement; `columns` are SQL over `n`, from 1 to `count`. */
export async function fillEvents(
  sql: postgres.Sql,
  keyId: string,
  count: number,
  columns: Record<string, string>,
): Promise<void> {
  const all: Record<string, string> = { ...usual, ...columns };
  await sql.unsafe(
    `insert into proxy_private.proxy_usage_events (api_key_id, ${Object.keys(all)})
     select k.id, ${Object.values(all)}
     from proxy_private.proxy_keys as k, generate_series(1, $2::integer) as n where k.id = $1`,
    [keyId, count],
  );
}
