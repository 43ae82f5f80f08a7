import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  alertNames,
  type Prometheus,
  rulesFile,
  startPrometheus,
  withoutPrometheus,
} from './prometheus.ts';
import { type ProvokedDatabase, startProvokedDatabase } from './provoked-database.ts';
import { type ProvokedGateway, provocations, quiet, relayOlder } from './provoked-gateways.ts';

// Each alert is provoked for real, and Prometheus must fire it.

/** The gateways that fire each alert; null if it is about all of them together. */
const expected: Record<string, (keyof typeof provocations)[] | null> = {
  ProxyGatewayDown: ['stopped'],
  ProxyGatewayNotReady: ['cutOff', 'fullDisk'],
  ProxyGatewayRefusesForItself: ['cutOff'],
  ProxyGatewaySpoolFull: ['fullDisk'],
  ProxyGatewayUsageLate: ['cutOff'],
  ProxyGatewayEventsRejected: ['strayEvent'],
  ProxyGatewayLookupsSlow: ['slowDatabase'],
  ProxyGatewayLookupsWait: ['slowDatabase'],
  ProxyGatewayRecordingSlow: ['slowDatabase'],
  ProxyGatewayNamesSlow: ['deadTargets'],
  ProxyGatewayTargetsFail: ['deadTargets'],
  ProxyGatewayBusy: ['starved'],
  ProxyGatewaySocketsRunOut: ['neglected'],
  ProxyGatewayClockOff: ['neglected'],
  ProxyGatewayCertificateExpires: ['neglected'],
  ProxyGatewayCountsAlone: ['neglected'],
  ProxyGatewayWorkersDie: ['bereft'],
  ProxyGatewayVersionsDiffer: null,
  ProxyKeysMaintenanceLate: null,
  ProxyKeysMaintenanceProblems: null,
};

/** The rules with two seconds in place of each minute, and no duration to wait for. */
const hastyRules = readFileSync(rulesFile, 'utf8')
  .replace(/for: \w+/g, 'for: 0s')
  .replace(/\[(\d+)m\]/g, (_, minutes) => `[${2 * Number(minutes)}s]`)
  .replace('gateway_spool_oldest_seconds > 300', 'gateway_spool_oldest_seconds > 1')
  .replace(/(gateway_record_seconds_bucket.*) > 5$/m, '$1 > 0.5');

describe.skipIf(withoutPrometheus)('alerts', () => {
  const over = new AbortController();
  const gateways = new Map<string, ProvokedGateway>();
  const provoking: Promise<unknown>[] = [];
  let database: ProvokedDatabase | undefined;
  let prometheus: Prometheus | undefined;

  beforeAll(async () => {
    const started = await startProvokedDatabase();
    database = started;
    const calm = await quiet(started);
    gateways.set('quiet', calm);
    await Promise.all(
      Object.entries(provocations).map(async ([name, start]) => {
        gateways.set(name, await start(started));
      }),
    );
    gateways.set('older', await relayOlder(calm.instance));
    const all = [...gateways.values()];
    prometheus = await startPrometheus(
      all.map(({ instance }) => instance),
      hastyRules,
    );
    for (const { provoke } of all) provoking.push(provoke(over.signal));
  });

  afterAll(async () => {
    over.abort();
    await Promise.allSettled(provoking);
    await prometheus?.stop();
    await Promise.all([...gateways.values()].map((gateway) => gateway.stop()));
    await database?.stop();
  });

  it('fire for each gateway that has the problem, and never for a healthy one', async () => {
    expect(Object.keys(expected)).toEqual(alertNames());
    const names = new Map([...gateways].map(([name, { instance }]) => [instance, name]));
    /** The gateways that have fired each alert so far. */
    const fired = new Map<string, Set<string | undefined>>();
    await vi.waitFor(
      async () => {
        const firing = (await prometheus?.firing()) ?? [];
        for (const { name, instance } of firing) {
          const by = fired.get(name) ?? new Set();
          fired.set(name, by.add(instance && names.get(instance)));
        }
        const found = Object.entries(expected).map(([alert, by]) => [
          alert,
          by?.filter((name) => fired.get(alert)?.has(name)) ??
            (fired.get(alert)?.has(undefined) ? null : []),
        ]);
        expect(Object.fromEntries(found)).toEqual(expected);
        const calm = firing.filter(({ instance }) => instance && names.get(instance) === 'quiet');
        expect(calm).toEqual([]);
      },
      { timeout: 90_000, interval: 250 },
    );
  });
});
