import type { ServerResponse } from 'node:http';
import { afterAll, expect, it } from 'vitest';
import { connectOwner } from '../support/personas.ts';
import { newCustomer } from './customer.ts';
import { startReceiver } from './receiver.ts';

const sql = connectOwner();
afterAll(() => sql.end());

/** Alerts without a key, which are sent in any order. */
const raise = (userId: string, count: number) => sql`
  select proxy_private.raise_alerts(array(
    select (${userId}::uuid, null, 'tier.granted', 'places ' || n, null, '{"tier": "team"}')::proxy_private.new_alert
    from generate_series(1, ${count}::integer) as n
  ))`;

/** A receiver that holds its answers until `letGo`, and counts how many it holds at once. */
async function startHoldingReceiver() {
  const receiver = await startReceiver();
  const held: ServerResponse[] = [];
  let most = 0;
  receiver.answer = (response) => {
    held.push(response);
    most = Math.max(most, held.length);
  };
  const letGo = (status: number) => {
    for (const response of held.splice(0)) response.writeHead(status).end();
  };
  return { receiver, letGo, most: () => most };
}

it('a webhook has at most five open requests, over all invocations', async () => {
  const { receiver, letGo, most } = await startHoldingReceiver();
  const { user } = await newCustomer(receiver.url);
  await raise(user.id, 23);
  await receiver.until(5);
  // several invocations at once, as a clock that does not wait for them makes
  await Promise.all(
    Array.from({ length: 4 }, () => sql`select id from proxy_private.claim_deliveries(100)`),
  );
  expect(receiver.received).toHaveLength(5);
  const timer = setInterval(() => letGo(200), 20);
  await receiver.until(23);
  clearInterval(timer);
  letGo(200);
  expect(most()).toBe(5);
});

it('a failing webhook has one open request, so that a receiver that hangs blocks little', async () => {
  const { receiver, letGo } = await startHoldingReceiver();
  const { user, current } = await newCustomer(receiver.url);
  await raise(user.id, 12);
  await receiver.until(5);
  letGo(500);
  await expect.poll(async () => (await current()).failing_since).not.toBeNull();
  await receiver.until(6);
  const open = async () => {
    const [row] = await sql`
      select count(*)::integer as count from proxy_private.proxy_deliveries as d
      join proxy_private.proxy_webhooks as w on w.id = d.webhook_id
      where w.user_id = ${user.id} and d.claimed_until > now()`;
    return row?.count;
  };
  expect(await open()).toBe(1);
  const timer = setInterval(() => letGo(200), 20);
  await receiver.until(12 + 5);
  clearInterval(timer);
  letGo(200);
});
