import { afterAll, beforeAll, expect, inject, it, onTestFinished, vi } from 'vitest';
import { type KeyOwner, newKeyOwner } from '../../support/gateway/key-owner.ts';
import { startPlainTarget, type TargetServer } from '../../support/gateway/targets.ts';
import { connectOwner } from '../../support/personas.ts';
import { overrideLimits } from '../../support/seeded-keys.ts';
import { startHaproxy, withoutHaproxy } from './haproxy.ts';
import { startLoad } from './request-load.ts';
import { newRestartableGateway } from './restartable-gateway.ts';

const stack = inject('stack');
const sql = connectOwner();
/** The minimum number of requests during the restarts. */
const leastRequests = Number(process.env.ROLLING_RESTART_REQUESTS ?? 1_000);
let owner: KeyOwner;
let site: TargetServer;

beforeAll(async () => {
  [owner, site] = await Promise.all([newKeyOwner(sql), startPlainTarget()]);
});
afterAll(() => Promise.all([site.close(), sql.end()]));

async function scene() {
  const gateways = await Promise.all([1, 2].map(() => newRestartableGateway(stack.gatewayDbUrl)));
  await Promise.all(gateways.map((gateway) => gateway.start()));
  const key = await owner.newKey();
  await overrideLimits(sql, key.id, { rate_limit: 100000 });
  const load = (ports: number[]) =>
    startLoad({ ports, clients: 8, basicAuth: key.basicAuth, sitePort: site.port });
  return { gateways, load };
}

it.skipIf(withoutHaproxy)('behind HAProxy, no request fails', async () => {
  const { gateways, load } = await scene();
  const haproxy = await startHaproxy(gateways);
  onTestFinished(() => haproxy.stop());
  await haproxy.untilAllUp();
  const { result, stop } = load([haproxy.port]);
  let restarts = 0;
  do {
    for (const gateway of gateways) {
      await gateway.stop();
      await gateway.start();
      await haproxy.untilAllUp();
      restarts += 1;
    }
  } while (result.answered < leastRequests);
  const { answered, failures } = await stop();
  expect(failures).toEqual([]);
  expect(answered).toBeGreaterThanOrEqual(leastRequests);
  console.info(`${answered} requests over ${restarts} restarts behind HAProxy, none failed`);
});

// a closing port makes the kernel reset connections that are not accepted yet
it('clients with both addresses see refused connects and almost no resets', async () => {
  const { gateways, load } = await scene();
  const { result, stop } = load(gateways.map(({ port }) => port));
  let restarts = 0;
  do {
    for (const gateway of gateways) {
      const { refused } = result;
      await gateway.stop();
      await vi.waitFor(() => expect(result.refused).toBeGreaterThan(refused));
      await gateway.start();
      restarts += 1;
    }
  } while (result.answered < leastRequests);
  const { answered, refused, reset, failures } = await stop();
  expect(failures).toEqual([]);
  expect(reset / answered).toBeLessThan(0.005);
  expect(answered).toBeGreaterThanOrEqual(leastRequests);
  console.info(
    `${answered} requests over ${restarts} restarts, ${refused} connects refused, ${reset} reset`,
  );
});
