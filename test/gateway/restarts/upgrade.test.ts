import { expect, it, onTestFinished, vi } from 'vitest';
import { startPlainTarget } from '../../support/gateway/targets.ts';
import { startOwnDatabase } from '../../support/own-stack.ts';
import { overrideLimits } from '../../support/seeded-keys.ts';
import { startHaproxy, withoutHaproxy } from './haproxy.ts';
import { startLoad } from './request-load.ts';
import { newRestartableGateway } from './restartable-gateway.ts';

// An operator follows docs/upgrading.md: the database first, then the gateways one by one.

/** The minimum number of requests during the upgrade. */
const leastRequests = Number(process.env.UPGRADE_REQUESTS ?? 1_000);

/** The next schema version, as a migration may make it: older gateways still work with it. */
const nextVersion = `
  set local lock_timeout = '2s';
  alter table proxy_private.proxy_keys add column note text;
  alter type gateway.proxy_key_lookup add attribute note text;
  do $$
  begin
    execute regexp_replace(
      pg_get_functiondef('gateway.lookup_proxy_key(text)'::regprocedure),
      'from proxy_private.key_states', ', null::text from proxy_private.key_states'
    );
    execute regexp_replace(
      pg_get_functiondef('gateway.record_usage(jsonb)'::regprocedure), 'begin', 'begin -- version 2'
    );
  end
  $$;
  update proxy_private.schema_version set version = 2`;

it.skipIf(withoutHaproxy)('an upgrade under load fails no request and loses no event', async () => {
  const own = await startOwnDatabase();
  onTestFinished(() => own.stop());
  const site = await startPlainTarget();
  onTestFinished(() => site.close());
  const gateways = await Promise.all([1, 2].map(() => newRestartableGateway(own.gatewayDbUrl)));
  await Promise.all(gateways.map((gateway) => gateway.start()));
  const [key] = await own.newKeys(1);
  if (!key) throw new Error('no key');
  await overrideLimits(own.sql, key.id, { rate_limit: 100000 });
  const haproxy = await startHaproxy(gateways);
  onTestFinished(() => haproxy.stop());
  await haproxy.untilAllUp();

  const basicAuth = `${key.keyId}:${key.secret}`;
  const { result, stop } = startLoad({
    ports: [haproxy.port],
    clients: 8,
    basicAuth,
    sitePort: site.port,
  });
  const reached = (answered: number) =>
    vi.waitFor(() => expect(result.answered).toBeGreaterThanOrEqual(answered), { timeout: 60_000 });
  await reached(leastRequests / 4);
  await own.sql.begin((transaction) => transaction.unsafe(nextVersion));
  // gateways look the key up again, on all of their connections
  await own.sql`select pg_notify('proxy_key_changed', ${key.keyId})`;
  await reached(leastRequests / 2);
  for (const gateway of gateways) {
    await gateway.stop();
    await gateway.start();
    await haproxy.untilAllUp();
  }
  await reached(leastRequests);
  const { answered, failures } = await stop();
  expect(failures).toEqual([]);
  for (const gateway of gateways) await gateway.stop();
  const [usage] = await own.sql`
    select sum(requests)::integer as requests from proxy_private.proxy_usage_monthly
    where api_key_id = ${key.id}`;
  expect(usage?.requests).toBe(answered);
  console.info(`${answered} requests over an upgrade, none failed, all counted`);
});
