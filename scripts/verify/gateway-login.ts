import pg from 'pg';
import { DatabaseUrlError, readDatabaseUrl } from '../../gateway/database/database-url.ts';
import { explainDatabaseError } from '../../gateway/readiness/database-problem.ts';
import { checkChannel, NotificationCheck } from '../../gateway/readiness/notification-check.ts';
import { askForState, schemaProblem } from '../../gateway/readiness/schema-version.ts';
import { type Project, Unchecked, Unexpected } from './project.ts';

/** The oldest Postgres version that the migrations support. */
const oldestPostgres = 17;
/** The timeout of a connection, a statement and a notification, in ms. */
const timeoutMs = 10_000;

/** Checks that a gateway's login can do what a gateway does, and nothing else. */
export async function checkGateway({ gatewayUrl }: Project): Promise<string> {
  if (!gatewayUrl)
    throw new Unchecked("not checked: set GATEWAY_DATABASE_URL to a gateway's login");
  const { url, ssl } = readUrl(gatewayUrl);
  const options = {
    connectionString: url,
    ssl,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
  };
  const [listener, sender] = [new pg.Client(options), new pg.Client(options)];
  // if a connection closes, the pending query reports it
  for (const client of [listener, sender]) client.on('error', () => {});
  try {
    await Promise.all([listener.connect(), sender.connect()]);
    const version = await checkVersion(listener);
    await checkRights(listener);
    await checkNotifications(listener, sender);
    return `the login can look up keys and receives notifications (Postgres ${version})`;
  } catch (error) {
    if (error instanceof Unexpected) throw error;
    throw new Unexpected(explainDatabaseError(error).sentence);
  } finally {
    await Promise.allSettled([listener.end(), sender.end()]);
  }
}

function readUrl(text: string) {
  try {
    return readDatabaseUrl(text);
  } catch (error) {
    if (!(error instanceof DatabaseUrlError)) throw error;
    throw new Unexpected(`GATEWAY_DATABASE_URL: ${error.message}`);
  }
}

async function checkVersion(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ version: string }>(
    "select current_setting('server_version') as version",
  );
  const version = rows[0]?.version ?? '';
  if (Number.parseInt(version, 10) >= oldestPostgres) return version;
  throw new Unexpected(
    `the database runs Postgres ${version}: upgrade it to ${oldestPostgres} (dashboard: Infrastructure)`,
  );
}

async function checkRights(client: pg.Client): Promise<void> {
  const { schema } = await askForState(client);
  const problem = 'code' in schema ? schema : schemaProblem(schema);
  if (problem) throw new Unexpected(problem.sentence);
  await client.query("select from gateway.lookup_proxy_key('avp_test_000000000000')");
  const { rows } = await client.query<{ powers: boolean }>(
    `select r.rolsuper or r.rolbypassrls or r.rolcreaterole
       or has_schema_privilege('proxy_private', 'usage') as powers
     from pg_roles as r where r.rolname = current_user`,
  );
  if (rows[0]?.powers !== false) {
    throw new Unexpected(
      'the login may do more than a gateway should: create one with `npm run gateway-login -- create`',
    );
  }
}

async function checkNotifications(listener: pg.Client, sender: pg.Client): Promise<void> {
  const check = new NotificationCheck(
    (payload) => sender.query('select pg_notify($1, $2)', [checkChannel, payload]),
    timeoutMs / 2,
  );
  listener.on('notification', ({ payload }) => check.arrived(payload));
  await listener.query(`listen ${checkChannel}`);
  await check.run(AbortSignal.timeout(timeoutMs));
}
