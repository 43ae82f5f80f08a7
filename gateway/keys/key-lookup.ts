import pg from 'pg';
import type { Logger } from 'pino';
import { readDatabaseUrl } from '../database/database-url.ts';
import { type ClientRanges, parseClientRanges } from './client-ranges.ts';

/** What a gateway needs to judge a CONNECT, as `gateway.lookup_proxy_key` returns it. */
export interface KeyRecord {
  /** The uuid that usage events link to. */
  id: string;
  keyId: string;
  secretHash: Buffer;
  active: boolean;
  suspended: boolean;
  /** CONNECTs per second. */
  rateLimit: number;
  /** Tunnels that may be open at once on one gateway. */
  tunnelLimit: number;
  /** For this calendar month (UTC). */
  bandwidthLimitBytes: number;
  bandwidthUsedBytes: number;
  /** The networks where its clients may be; empty for anywhere. */
  allowedIps: ClientRanges;
  /** From the time of the lookup; negative once it has expired, null for never. */
  expiresInMs: number | null;
  /** The hash of the previous secret, during its grace period. */
  previousHash: Buffer | null;
  /** How long that secret still works, from the time of the lookup. */
  previousEndsInMs: number | null;
  /** What all keys of its user, tier and mode share; null once the user's account is removed. */
  account: KeyAccount | null;
}

/** Bytes that several keys share. */
export interface KeyAccount {
  id: string;
  /** For this calendar month (UTC). */
  limitBytes: number;
  usedBytes: number;
}

/**
 * Looks up a key in the database; null for an unknown keyId. Rejects if the database does not
 * answer.
 */
export type LookUpKey = (keyId: string) => Promise<KeyRecord | null>;

interface LookupRow {
  id: string;
  key_id: string;
  secret_hash: Buffer;
  active: boolean;
  suspended: boolean;
  rate_limit: number;
  tunnel_limit: number;
  bandwidth_limit_bytes: string;
  bandwidth_used_bytes: string;
  allowed_ips: string[];
  expires_in_ms: string | null;
  previous_hash: Buffer | null;
  previous_ends_in_ms: string | null;
  account_id: string | null;
  account_limit_bytes: string;
  account_used_bytes: string;
}

/** By name: a prepared `*` would fail once a newer schema returns more columns. */
const columns =
  'id, key_id, secret_hash, active, suspended, rate_limit, tunnel_limit, bandwidth_limit_bytes, bandwidth_used_bytes, allowed_ips, expires_in_ms, previous_hash, previous_ends_in_ms, account_id, account_limit_bytes, account_used_bytes';

/** How long a query may take before its connection is closed: a silent peer must not block it. */
const queryTimeoutMs = 3_000;

/**
 * A pool of connections of a gateway's login. An idle one that breaks is logged, and replaced when
 * needed. Throws `DatabaseUrlError`.
 */
export function createPool(options: {
  databaseUrl: string;
  connections: number;
  /** How long a query may take, in ms. */
  timeoutMs?: number;
  log: Logger;
}): pg.Pool {
  const timeoutMs = options.timeoutMs ?? queryTimeoutMs;
  const { url, ssl } = readDatabaseUrl(options.databaseUrl);
  const pool = new pg.Pool({
    connectionString: url,
    ssl,
    max: options.connections,
    // `end` waits for a connection that is being opened
    connectionTimeoutMillis: queryTimeoutMs,
    query_timeout: timeoutMs,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    application_name: 'proxy_gateway',
  });
  pool.on('error', (error) =>
    options.log.warn({ reason: error.message }, 'database connection lost'),
  );
  return pool;
}

/** Looks up keys over `pool`, with one prepared statement. */
export function lookUpWith(pool: pg.Pool): LookUpKey {
  return async (keyId) => {
    const { rows } = await pool.query<LookupRow>({
      name: 'lookup_proxy_key',
      text: `select ${columns} from gateway.lookup_proxy_key($1)`,
      values: [keyId],
    });
    const [row] = rows;
    if (row === undefined) return null;
    return {
      id: row.id,
      keyId: row.key_id,
      secretHash: row.secret_hash,
      active: row.active,
      suspended: row.suspended,
      rateLimit: row.rate_limit,
      tunnelLimit: row.tunnel_limit,
      bandwidthLimitBytes: Number(row.bandwidth_limit_bytes),
      bandwidthUsedBytes: Number(row.bandwidth_used_bytes),
      allowedIps: parseClientRanges(row.allowed_ips),
      expiresInMs: numberOrNull(row.expires_in_ms),
      previousHash: row.previous_hash,
      previousEndsInMs: numberOrNull(row.previous_ends_in_ms),
      account:
        row.account_id === null
          ? null
          : {
              id: row.account_id,
              limitBytes: Number(row.account_limit_bytes),
              usedBytes: Number(row.account_used_bytes),
            },
    };
  };
}

function numberOrNull(text: string | null): number | null {
  return text === null ? null : Number(text);
}
