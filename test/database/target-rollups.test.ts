import { afterAll, afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { connectAlone, untilBlocked } from '../support/connect-alone.ts';
import { connectGateway, connectOwner, newUser } from '../support/personas.ts';
import { seedKey } from '../support/seeded-keys.ts';
import { findTargetDrift, readTargets } from '../support/target-rollups.ts';
import { recordUsage, usageEvent } from '../support/usage-events.ts';

const { gatewayDbUrl } = inject('stack');
const sql = connectOwner();
const gateway = connectGateway(1);
let owner: string;
let id: string;
/** A test key: its usage is not billed. */
let second: string;

beforeEach(async () => {
  owner = (await newUser()).id;
  ({ id } = await seedKey(sql, owner));
  ({ id: second } = await seedKey(sql, owner, { liveMode: false }));
});
afterEach(async () => {
  expect(await findTargetDrift(sql, [id, second], [owner])).toEqual([]);
});
afterAll(() => Promise.all([sql.end(), gateway.end()]));

const today = new Date().toISOString().slice(0, 10);
const at = (time: string) => ({ occurredAt: `${yesterday}T${time}Z` });
const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);

type Event = ReturnType<typeof usageEvent>;
const record = (...events: Event[]) => recordUsage(gateway, events);
/** Events to hosts of sites, each with only one host. */
const ofSites = (first: number, count: number, apiKeyId = id) =>
  Array.from({ length: count }, (_, n) =>
    usageEvent(apiKeyId, {
      targetHost: `www.site-${first + n}.example`,
      targetSite: `site-${first + n}.example`,
    }),
  );

async function countKinds(subject: string) {
  const kinds = { host: 0, site: 0, other: 0 };
  for (const { kind, requests } of await readTargets(sql, subject)) {
    if (kind === 'other') kinds.other = requests;
    else kinds[kind] += 1;
  }
  return kinds;
}

async function readDays(subject: string) {
  const rows = await sql`
    select hosts, sites from proxy_private.proxy_usage_target_days where subject = ${subject}`;
  return [...rows];
}

describe('a target', () => {
  it('is a lower-case host for one day, with the usage of the key and of its user', async () => {
    await record(
      usageEvent(id, { ...at('00:00:00'), targetHost: 'A.Example.com', targetSite: 'Example.com' }),
      usageEvent(id, { ...at('23:59:59.999'), targetHost: 'a.example.com', bytesSent: 7 }),
      usageEvent(id, { occurredAt: `${today}T00:00:00Z`, targetHost: '203.0.113.5' }),
      usageEvent(second, { ...at('12:00:00'), targetHost: 'a.example.com', count: 0 }),
    );
    const host = {
      day: yesterday,
      kind: 'host',
      name: 'a.example.com',
      site: 'example.com',
      errors: 0,
    };
    const address = { day: today, kind: 'host', name: '203.0.113.5', site: null, requests: 1 };
    expect(await readTargets(sql, id)).toMatchObject([
      { ...host, requests: 2, bytesSent: 107, bytesReceived: 2000, billedBytes: 2107 },
      address,
    ]);
    expect(await readTargets(sql, owner)).toMatchObject([
      { ...host, requests: 2, bytesSent: 207, bytesReceived: 3000, billedBytes: 2107 },
      address,
    ]);
  });

  it('of a test key is not billed', async () => {
    await record(usageEvent(second));
    const moved = { requests: 1, bytesSent: 100, bytesReceived: 1000, billedBytes: 0 };
    expect(await readTargets(sql, second)).toMatchObject([moved]);
    expect(await readTargets(sql, owner)).toMatchObject([moved]);
  });

  it('is raised once by the difference in each report of a tunnel', async () => {
    const tunnel = usageEvent(id);
    const later = { ...tunnel, bytesSent: 900, durationMs: 900 };
    await record(tunnel);
    await record(later);
    await record(later, tunnel);
    expect(await readTargets(sql, id)).toMatchObject([
      { requests: 1, bytesSent: 900, bytesReceived: 1000 },
    ]);
  });

  it('has no refusals, but has the number of failed requests', async () => {
    const none = { bytesSent: 0, bytesReceived: 0 };
    await record(
      usageEvent(id, { ...none, statusCode: 429, code: 'rate_limited', count: 50 }),
      usageEvent(id, { ...none, statusCode: 502, code: 'target_unreachable' }),
      usageEvent(id, { statusCode: 502, code: 'target_response_invalid' }),
      usageEvent(id, { ...none, statusCode: 504, code: 'target_timeout' }),
      usageEvent(id, { ...none, statusCode: 499, code: 'client_closed_request' }),
      usageEvent(id),
    );
    expect(await readTargets(sql, id)).toMatchObject([{ requests: 5, errors: 3 }]);
  });

  it.each([
    ['fails', null, 'target_response_invalid', [0, 1]],
    ['is served after all', 'target_timeout', null, [1, 0]],
    ['fails in another way', 'target_timeout', 'target_unreachable', [1, 1]],
    ['turns out not to be a refusal', 'rate_limited', 'target_timeout', [undefined, 1]],
  ])('has its errors corrected if a request %s', async (_, before, after, errors) => {
    const none = before === 'rate_limited' ? { bytesSent: 0, bytesReceived: 0 } : {};
    const event = usageEvent(id, { ...none, statusCode: 502, code: before });
    await record(event);
    const found = async () => (await readTargets(sql, id))[0]?.errors;
    const first = await found();
    await record({ ...event, durationMs: 90, code: after } as Event);
    expect([first, await found()]).toEqual(errors);
  });
});

describe('beyond 1,000 hosts in a day', () => {
  it('a new host counts under its site, then under other', async () => {
    await record(...ofSites(0, 2_500));
    expect(await countKinds(id)).toEqual({ host: 1_000, site: 1_000, other: 500 });
    expect(await readDays(id)).toEqual([{ hosts: 1_000, sites: 1_000 }]);
    expect(await countKinds(owner)).toEqual({ host: 1_000, site: 1_000, other: 500 });
    const sites = (await readTargets(sql, id)).filter(({ kind }) => kind === 'site');
    // a host with a row keeps counting there, even if it shares a site with another
    await record(
      ...ofSites(0, 2_500),
      ...sites.map(({ name }) =>
        usageEvent(id, { targetHost: `other.${name}`, targetSite: name, bytesSent: 1 }),
      ),
      usageEvent(id, { targetHost: '203.0.113.5' }),
    );
    expect(await countKinds(id)).toEqual({ host: 1_000, site: 1_000, other: 1_001 });
    expect((await readTargets(sql, id))[0]).toMatchObject({ requests: 2 });
    expect((await readTargets(sql, id))[1_000]).toMatchObject({ requests: 3, bytesSent: 201 });
    expect(await readDays(id)).toEqual([{ hosts: 1_000, sites: 1_000 }]);
  });

  it('each day and each key starts from zero', async () => {
    await record(...ofSites(0, 1_001).map((event) => ({ ...event, ...at('12:00:00') })));
    await record(usageEvent(id), ...ofSites(0, 1, second));
    expect(await countKinds(id)).toEqual({ host: 1_001, site: 1, other: 0 });
    expect(await countKinds(second)).toEqual({ host: 1, site: 0, other: 0 });
  });

  it('the limit is exact for concurrent batches', async () => {
    const [one, two] = [await connectAlone(gatewayDbUrl), await connectAlone(gatewayDbUrl)];
    await record(...ofSites(0, 600));
    await one`begin`;
    await recordUsage(one, ofSites(600, 300, second));
    // half of them are new to the user, and committed while it waits
    const waiting = recordUsage(two, ofSites(750, 400));
    await untilBlocked(sql, two.pid, [one.pid]);
    await one`commit`;
    await waiting;
    expect(await countKinds(id)).toEqual({ host: 1_000, site: 0, other: 0 });
    expect(await countKinds(owner)).toEqual({ host: 1_000, site: 150, other: 0 });
    expect(await readDays(owner)).toEqual([{ hosts: 1_000, sites: 150 }]);
  });
});

it('batches that overlap in any order wait for each other without deadlocks', async () => {
  const connections = await Promise.all([1, 2].map(() => connectAlone(gatewayDbUrl)));
  await Promise.all(
    connections.map(async (connection, side) => {
      for (let round = 0; round < 15; round += 1) {
        const events = Array.from({ length: 200 }, (_, n) =>
          usageEvent(n % 2 === side ? id : second, {
            targetHost: `h${(round * 20 + n) % 400}.example.com`,
            targetSite: 'example.com',
            code: n % 3 === 0 ? 'target_timeout' : null,
          }),
        );
        const outcome = await recordUsage(connection, side === 0 ? events : events.toReversed());
        expect(outcome).toMatchObject({ recorded: 200 });
      }
    }),
  );
});
