import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GatewayFixture, startTestGateway } from '../support/gateway/gateway-fixture.ts';
import { newKeyOwner } from '../support/gateway/key-owner.ts';
import { connectOwner } from '../support/personas.ts';
import { overrideLimits } from '../support/seeded-keys.ts';
import type { Exchange } from './forwarding/exchange.ts';
import { sections } from './forwarding/exchanges.ts';
import { faultsOf } from './forwarding/facts.ts';
import { valuesOf } from './forwarding/message.ts';
import { type ProxyUnderTest, type Reached, runExchange } from './forwarding/run-exchange.ts';

const sql = connectOwner();
let gateway: GatewayFixture;
let proxy: ProxyUnderTest;

beforeAll(async () => {
  const [started, owner] = await Promise.all([startTestGateway(), newKeyOwner(sql)]);
  gateway = started;
  const key = await owner.newKey();
  await overrideLimits(sql, key.id, { rate_limit: 100000 });
  proxy = { port: gateway.port, basicAuth: key.basicAuth };
});

afterAll(async () => {
  await Promise.all([gateway.stop(), sql.end()]);
});

const outcomes = new Map<Exchange, Promise<Reached>>();

/** The outcome of an exchange through the gateway; each runs once. */
function reachedBy(exchange: Exchange): Promise<Reached> {
  const running = outcomes.get(exchange) ?? runExchange(exchange, proxy);
  outcomes.set(exchange, running);
  return running;
}

describe.each(sections)('a plain request: $title', ({ exchanges }) => {
  it.concurrent.each(exchanges)('$name: $right', async (exchange) => {
    expect(faultsOf(exchange, await reachedBy(exchange))).toEqual([]);
  });

  it('each answer has an id, and the gateway’s own have a code, a sentence and Proxy-Status', async () => {
    for (const exchange of exchanges) {
      const { client, targets } = await reachedBy(exchange);
      if (!client.answer) continue;
      const { status, fields, body } = client.answer;
      expect.soft(valuesOf(fields, 'Proxy-Request-Id'), exchange.name).toHaveLength(1);
      if (status < 400 || targets.some(({ said }) => new RegExp(` ${status}\\b`).test(said)))
        continue;
      const code = exchange.code ?? '[a-z_]+';
      expect.soft(body, exchange.name).toMatch(new RegExp(`^${code}: [^\n]+\n$`));
      expect.soft(valuesOf(fields, 'Proxy-Status'), exchange.name).toHaveLength(1);
    }
  });
});
