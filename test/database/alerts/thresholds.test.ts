import { describe, expect, it } from 'vitest';
import { quotaScene } from './quota-scene.ts';

const { newCustomer } = quotaScene();

describe('alert thresholds', () => {
  it('apply to all keys of the user if set without a key', async () => {
    const { use, thresholds, alerts } = await newCustomer();
    expect((await thresholds([50, 90])).data).toEqual({
      api_key_id: null,
      key_id: null,
      label: null,
      percents: [50, 90],
    });
    await use(500);
    await use(300);
    await use(100);
    await use(100);
    expect(await alerts()).toEqual([
      [50, 1000],
      [90, 1000],
    ]);
  });

  it('set for one key take precedence over those for all keys', async () => {
    const { id, mint, use, thresholds, alerts } = await newCustomer();
    await thresholds([50]);
    await thresholds([10], id);
    await use(100);
    await use(100, await mint());
    expect(await alerts()).toEqual([[10, 1000]]);
  });

  it('that are already passed raise an alert at once, and only once', async () => {
    const { use, thresholds, alerts } = await newCustomer();
    await use(500);
    await thresholds([40]);
    await thresholds([40, 100]);
    expect(await alerts()).toEqual([[40, 1000]]);
  });

  it('are off if the list is empty, and the defaults again after null', async () => {
    const { use, thresholds, alerts } = await newCustomer();
    await thresholds([]);
    await use(900);
    expect(await alerts()).toEqual([]);
    expect((await thresholds(null)).data).toMatchObject({ percents: [80, 95, 100] });
    expect(await alerts()).toEqual([[80, 1000]]);
  });

  it.each([
    ['six', [10, 20, 30, 40, 50, 60]],
    ['below 10', [9]],
    ['above 100', [101]],
    ['nothing', [null]],
  ])('are refused if they are %s', async (_, percents) => {
    const { user, thresholds } = await newCustomer();
    const { error } = await thresholds(percents as number[]);
    expect([error?.code, error?.hint, error?.details]).toEqual([
      'PT400',
      'invalid_request',
      'percents',
    ]);
    const { data } = await user.supabase.rpc('list_proxy_alert_thresholds');
    expect(data).toEqual([
      { api_key_id: null, key_id: null, percents: [80, 95, 100], label: null },
    ]);
  });

  it("for another user's key are refused like those for an unknown key", async () => {
    const [one, other] = [await newCustomer(), await newCustomer()];
    const { error } = await one.thresholds([50], other.id);
    expect([error?.code, error?.hint]).toEqual(['PT404', 'not_found']);
  });
});
