import { afterAll, describe, expect, it } from 'vitest';
import { connectOwner, newUser } from '../../support/personas.ts';
import { seedKeys } from '../../support/seeded-keys.ts';
import { alertsOf } from './alert-rows.ts';

const sql = connectOwner();
afterAll(() => sql.end());

async function newKey() {
  const user = await newUser();
  const [key] = await seedKeys(sql, user.id, 1);
  if (!key) throw new Error('no key was seeded');
  const alerts = async (type: string) =>
    (await alertsOf(sql, user.id)).filter((alert) => alert.type === type);
  return { user, key, alerts };
}

describe('a key that expires', () => {
  const warn = () => sql`select proxy_private.alert_expiring_keys()`;
  const expireIn = (id: string, span: string) =>
    sql`update proxy_private.proxy_keys set expires_at = now() + ${span}::interval where id = ${id}`;

  it('raises one warning in its last week and one on its last day', async () => {
    const { key, alerts } = await newKey();
    await expireIn(key.id, '8 days');
    await warn();
    expect(await alerts('key.expiring')).toEqual([]);
    await expireIn(key.id, '6 days');
    await Promise.all([warn(), warn()]);
    expect((await alerts('key.expiring')).map(({ data }) => data.days)).toEqual([7]);
    await warn();
    expect(await alerts('key.expiring')).toHaveLength(1);
  });

  it('raises only the one-day warning when it expires within a day', async () => {
    const { key, alerts } = await newKey();
    await expireIn(key.id, '20 hours');
    await warn();
    await warn();
    expect((await alerts('key.expiring')).map(({ data }) => data.days)).toEqual([1]);
  });

  it('raises new warnings after its expiry is changed', async () => {
    const { key, alerts } = await newKey();
    await expireIn(key.id, '20 hours');
    await warn();
    await expireIn(key.id, '5 days');
    await warn();
    expect((await alerts('key.expiring')).map(({ data }) => data.days)).toEqual([1, 7]);
  });

  it('raises no warning once it is deleted or has expired', async () => {
    const { key, alerts } = await newKey();
    await expireIn(key.id, '-1 hour');
    await warn();
    await expireIn(key.id, '1 hour');
    await sql`update proxy_private.proxy_keys set deleted_at = now() where id = ${key.id}`;
    await warn();
    expect(await alerts('key.expiring')).toEqual([]);
  });
});

describe('an hour with unusual usage', () => {
  const megabyte = 1_000_000;
  /** Adds `hours` earlier hours of `bytes` each, then the last whole hour. */
  const fill = (id: string, hours: number, bytes: number, last: number) => sql`
    insert into proxy_private.proxy_usage_hourly (
      api_key_id, hour, user_id, requests, bytes_sent, bytes_received
    )
    select ${id}::uuid, date_trunc('hour', now()) - (h + 1) * interval '1 hour', k.user_id, 1, 0,
      case when h = 0 then ${last}::bigint else ${bytes}::bigint end
    from generate_series(0, ${hours}::integer) as h
    cross join proxy_private.proxy_keys as k where k.id = ${id}`;
  const warn = () => sql`select proxy_private.alert_unusual_usage()`;

  it('raises one alert, with the median that it is compared with', async () => {
    const { key, alerts } = await newKey();
    await fill(key.id, 24, 30 * megabyte, 151 * megabyte);
    await warn();
    await warn();
    const raised = await alerts('key.unusual_usage');
    expect(raised).toHaveLength(1);
    expect(raised[0]?.data).toMatchObject({
      keyId: key.keyId,
      bytes: 151 * megabyte,
      medianBytes: 30 * megabyte,
    });
  });

  it.each([
    ['it is at most five times the median', 24, 30, 150],
    ['it moved at most 100 MB', 24, 1, 100],
    ['the key has only 23 hours', 23, 1, 500],
  ])('raises no alert if %s', async (_, hours, median, last) => {
    const { key, alerts } = await newKey();
    await fill(key.id, hours, median * megabyte, last * megabyte);
    await warn();
    expect(await alerts('key.unusual_usage')).toEqual([]);
  });
});
