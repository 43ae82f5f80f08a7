import pg from 'pg';
import { gatewayVersion, oldestSchemaVersion } from '../versions.ts';
import { explainDatabaseError } from './database-problem.ts';
import { newReason, type Reason } from './reason.ts';

/** The version of the database's schema, as `gateway.schema_version` returns it. */
export interface SchemaVersion {
  version: number;
  oldestGatewayVersion: number;
}

/** Why this gateway and a schema are incompatible; null if they are not. */
export function schemaProblem(
  { version, oldestGatewayVersion }: SchemaVersion,
  ours = { gatewayVersion, oldestSchemaVersion },
): Reason | null {
  if (version < ours.oldestSchemaVersion) {
    const detail = `it has version ${version}, but ${ours.oldestSchemaVersion} is needed`;
    return newReason('schema_too_old', detail);
  }
  if (oldestGatewayVersion > ours.gatewayVersion) {
    const detail = `this one has version ${ours.gatewayVersion}, but ${oldestGatewayVersion} is needed`;
    return newReason('gateway_too_old', detail);
  }
  return null;
}

/** What a gateway asks for at each heartbeat. */
export interface DatabaseState {
  /** In ms since 1970. */
  timeMs: number;
  /** Whether it is a standby. */
  inRecovery: boolean;
  /** The schema's version, or why it has no version. */
  schema: SchemaVersion | Reason;
}

interface StateRow {
  ms: string;
  in_recovery: boolean;
  version: number | null;
  oldest_gateway_version: number | null;
}

const timeAndRecovery =
  'extract(epoch from clock_timestamp()) * 1000 as ms, pg_is_in_recovery() as in_recovery';

/**
 * Asks for time, recovery and the schema's version, in one query if the schema has a version.
 * Rejects if the database does not answer.
 */
export async function askForState(client: Pick<pg.Pool, 'query'>): Promise<DatabaseState> {
  try {
    const { rows } = await client.query<StateRow>(
      `select ${timeAndRecovery}, s.version, s.oldest_gateway_version from gateway.schema_version() as s`,
    );
    const [row] = rows;
    const { version = null, oldest_gateway_version: oldestGatewayVersion = null } = row ?? {};
    const known = version !== null && oldestGatewayVersion !== null;
    const schema = known ? { version, oldestGatewayVersion } : newReason('schema_missing');
    return { ...read(row), schema };
  } catch (error) {
    // the connection still works after this error
    if (!(error instanceof pg.DatabaseError) || error.severity !== 'ERROR') throw error;
    const { rows } = await client.query<StateRow>(`select ${timeAndRecovery}`);
    return { ...read(rows[0]), schema: explainDatabaseError(error) };
  }
}

function read(row: StateRow | undefined): Pick<DatabaseState, 'timeMs' | 'inRecovery'> {
  if (row === undefined) throw new Error('the database answered with no row');
  return { timeMs: Number(row.ms), inRecovery: row.in_recovery };
}
