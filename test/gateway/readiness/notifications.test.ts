import { pino } from 'pino';
import { afterAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import { createDatabaseClock } from '../../../gateway/database-clock.ts';
import { startChangeListener } from '../../../gateway/keys/change-listener.ts';
import { checkChannel } from '../../../gateway/readiness/notification-check.ts';
import { type GatewayFixture, startTestGateway } from '../../support/gateway/gateway-fixture.ts';
import { startTcpProxy } from '../../support/gateway/tcp-proxy.ts';
import { connectOwner } from '../../support/personas.ts';
import { startNotificationFilter } from './notification-filter.ts';
import { startPgBouncer, withoutPgBouncer } from './pgbouncer.ts';
import { beginnings, untilNotReady, untilOver, untilReady } from './read-readiness.ts';

const stack = inject('stack');
const sql = connectOwner();
afterAll(() => sql.end());
const eventually = (assertion: () => unknown) => vi.waitFor(assertion, { timeout: 60_000 });

async function start(databaseUrl: string): Promise<GatewayFixture> {
  const gateway = await startTestGateway({ databaseUrl, drainMs: 0 });
  onTestFinished(() => gateway.stop());
  return gateway;
}

describe.skipIf(withoutPgBouncer)('a pool', () => {
  it('in transaction mode is refused, with an error in the log, and keys are not cached', async () => {
    const pool = await startPgBouncer(stack.gatewayDbUrl, 'transaction');
    onTestFinished(() => pool.stop());
    const gateway = await start(pool.url);
    await untilNotReady(gateway, ['transaction_pool']);
    expect(beginnings(gateway).find(({ code }) => code === 'transaction_pool')?.level).toBe(50);
    expect(await gateway.metric('gateway_listening')).toBe(0);
    expect(gateway.logged.join('')).not.toContain('listening for key changes');
  });

  it('in session mode is ready', async () => {
    const pool = await startPgBouncer(stack.gatewayDbUrl, 'session');
    onTestFinished(() => pool.stop());
    await untilReady(await start(pool.url));
  });
});

describe('a network that loses notifications', () => {
  it('from the start is refused', async () => {
    const filter = await startNotificationFilter(stack.gatewayDbUrl);
    onTestFinished(() => filter.close());
    filter.losing = true;
    const gateway = await start(filter.url);
    await untilNotReady(gateway, ['transaction_pool']);
    expect(filter.lost).toBeGreaterThan(0);
    filter.losing = false;
    await untilReady(gateway);
  });

  it('after the start is detected at the next check', async () => {
    const filter = await startNotificationFilter(stack.gatewayDbUrl);
    onTestFinished(() => filter.close());
    const log = pino({ level: 'silent' });
    const turns: string[] = [];
    const listener = startChangeListener({
      databaseUrl: filter.url,
      sendCheck: (payload) => sql.notify(checkChannel, payload),
      clock: createDatabaseClock({ log }),
      log,
      onChange: () => {},
      onListening: () => turns.push('listening'),
      onLost: () => turns.push('lost'),
      heartbeatMs: 5,
      checkMs: 0,
      timeoutMs: 2_000,
    });
    onTestFinished(() => listener.stop());
    await eventually(() => expect(listener.problem).toBeNull());
    filter.losing = true;
    await eventually(() => expect(listener.problem?.code).toBe('transaction_pool'));
    expect(turns.at(-1)).toBe('lost');
    filter.losing = false;
    await eventually(() => expect(turns.at(-1)).toBe('listening'));
  });

  it('is not assumed while the check cannot be sent', async () => {
    const log = pino({ level: 'silent' });
    const turns: string[] = [];
    let sent = 0;
    const listener = startChangeListener({
      databaseUrl: stack.gatewayDbUrl,
      async sendCheck(payload) {
        sent += 1;
        if (sent > 1) throw Object.assign(new Error('full'), { code: '53300' });
        await sql.notify(checkChannel, payload);
      },
      clock: createDatabaseClock({ log }),
      log,
      onChange: () => {},
      onListening: () => turns.push('listening'),
      onLost: () => turns.push('lost'),
      heartbeatMs: 5,
      checkMs: 0,
      timeoutMs: 60_000,
    });
    onTestFinished(() => listener.stop());
    await eventually(() => expect(sent).toBeGreaterThan(5));
    expect(turns).toEqual(['listening']);
  });
});

it('a listener that stops receiving is detected', async () => {
  const network = await startTcpProxy(stack.gatewayDbUrl);
  onTestFinished(() => network.close());
  const gateway = await start(network.through(stack.gatewayDbUrl));
  await untilReady(gateway);
  network.blackHole();
  await untilNotReady(gateway, ['database_away']);
  network.restore();
  await untilReady(gateway);
});

it('a clock that has not been measured is a reason, until it is', async () => {
  const network = await startTcpProxy(stack.gatewayDbUrl);
  onTestFinished(() => network.close());
  network.blackHole();
  const gateway = await start(network.through(stack.gatewayDbUrl));
  await untilNotReady(gateway, ['database_away', 'clock_unmeasured']);
  network.restore();
  await untilReady(gateway);
  await untilOver(gateway, 'clock_unmeasured');
});
