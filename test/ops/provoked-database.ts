import postgres from 'postgres';
import { startTcpTarget } from '../support/gateway/targets.ts';
import { startOwnDatabase } from '../support/own-stack.ts';
import { overrideLimits } from '../support/seeded-keys.ts';

/** The parts that the gateways of an alert test share. */
export interface ProvokedDatabase {
  gatewayDbUrl: string;
  /** The same contents, with lookups that take 400 ms. */
  slowGatewayDbUrl: string;
  /** Blocks the slow database from recording usage for a second. */
  lockUsage(): Promise<unknown>;
  /** A key that both databases know, with high limits. */
  basicAuth: string;
  /** An echo target. */
  targetPort: number;
  stop(): Promise<unknown>;
}

/** Starts a database whose only maintenance was a check that found too many rights. */
export async function startProvokedDatabase(): Promise<ProvokedDatabase> {
  const [own, target] = await Promise.all([
    startOwnDatabase(),
    startTcpTarget((socket) => socket.pipe(socket)),
  ]);
  const { sql } = own;
  const [key] = await own.newKeys(1);
  if (!key) throw new Error('no key was made');
  await overrideLimits(sql, key.id, { rate_limit: 1_000, tunnel_limit: 1_000 });
  await sql`delete from proxy_private.maintenance_log`;
  await sql`create role overfull login noinherit in role proxy_gateway`;
  await sql`grant proxy_gateway to overfull with inherit true`;
  await sql`select proxy_private.maintain_usage('{privileges}')`;

  const inSlow = (url: string) => Object.assign(new URL(url), { pathname: '/slow' }).href;
  await Promise.all([sql.end(), own.gateway.end()]);
  const operator = postgres(Object.assign(new URL(own.dbUrl), { pathname: '/template1' }).href, {
    max: 1,
  });
  await operator`
    select pg_terminate_backend(pid) from pg_stat_activity where datname = 'postgres'`;
  await operator`create database slow template postgres`;
  await operator.end();
  const slow = postgres(inSlow(own.dbUrl), { max: 2, onnotice: () => {} });
  const [lookup] = await slow`
    select pg_get_functiondef('gateway.lookup_proxy_key'::regproc) as definition`;
  await slow.unsafe(
    String(lookup?.definition).replace('\nbegin\n', '\nbegin\n  perform pg_sleep(0.4);\n'),
  );
  return {
    gatewayDbUrl: own.gatewayDbUrl,
    slowGatewayDbUrl: inSlow(own.gatewayDbUrl),
    lockUsage: () =>
      slow.begin(async (transaction) => {
        await transaction`lock table proxy_private.proxy_usage_hourly`;
        await transaction`select pg_sleep(1)`;
      }),
    basicAuth: `${key.keyId}:${key.secret}`,
    targetPort: target.port,
    async stop() {
      await Promise.all([slow.end({ timeout: 1 }), target.close()]);
      await own.stop();
    },
  };
}
