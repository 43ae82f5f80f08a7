import { describe, expect, it } from 'vitest';
import { typeWords } from '../../dashboard/src/alerts/alert-types.ts';
import { alertWords, keyIdOf, webhookIdOf } from '../../dashboard/src/alerts/alert-words.ts';
import { deliveryState, outcomeWords } from '../../dashboard/src/alerts/delivery-words.ts';
import { checkPercents, percentWords, readPercents } from '../../dashboard/src/alerts/percents.ts';
import {
  kindWords,
  wantedWords,
  webhookName,
  webhookState,
} from '../../dashboard/src/alerts/webhook-words.ts';
import type { Alert, Delivery, Webhook } from '../../dashboard/src/data/alert.ts';

function anAlert(type: string, data: Alert['data']): Alert {
  const occurred_at = '2026-11-23T05:12:07.123456+00:00';
  return { id: 'a', api_key_id: null, type, occurred_at, data };
}

const aWebhook: Webhook = {
  id: 'w',
  kind: 'webhook',
  label: null,
  address: 'https://example.com/alerts',
  types: null,
  created_at: '2026-11-23T05:12:07+00:00',
  last_delivered_at: null,
  failing_since: null,
  disabled_at: null,
  disabled_reason: null,
};

const now = Date.parse('2026-11-23T05:12:00Z');
const aDelivery: Delivery = {
  id: 'd',
  alert_id: 'a',
  type: 'webhook.test',
  occurred_at: '2026-11-23T05:00:00Z',
  state: 'pending',
  attempts: 0,
  next_attempt_at: '2026-11-23T05:11:00Z',
  attempt_log: [],
};

describe('an alert', () => {
  it("is shown with the words that webhooks send, and with the page's time format", () => {
    const data = {
      keyId: 'avp_live_1',
      label: 'prod',
      days: 7,
      expiresAt: '2026-11-30T05:00:00.000Z',
    };
    expect(alertWords(anAlert('key.expiring', data))).toEqual({
      title: 'Key expires within 7 days',
      text: 'Key avp_live_1 (prod) expires at 30 Nov 2026, 05:00 UTC. Set a later expiry, or replace the key.',
      severity: 'warning',
    });
  });

  it('of a test does not claim that the webhook works', () => {
    expect(alertWords(anAlert('webhook.test', {})).text).toBe('A test was sent to a webhook.');
  });

  it('of a type that is newer than the page is shown by its name', () => {
    expect(alertWords(anAlert('key.moved', {})).title).toBe('key.moved');
    expect(typeWords('constructor')).toBe('constructor');
  });

  it('names its key or webhook', () => {
    expect(keyIdOf(anAlert('key.minted', { keyId: 'avp_live_1' }))).toBe('avp_live_1');
    expect(keyIdOf(anAlert('tier.granted', { tier: 'team' }))).toBeUndefined();
    expect(webhookIdOf(anAlert('webhook.disabled', { webhookId: 'w' }))).toBe('w');
  });
});

describe('a webhook', () => {
  it.each<[string, Partial<Webhook>]>([
    ['New', {}],
    ['Working', { last_delivered_at: '2026-11-23T05:00:00Z' }],
    [
      'Failing',
      { failing_since: '2026-11-23T05:00:00Z', last_delivered_at: '2026-11-22T05:00:00Z' },
    ],
    ['Disabled', { disabled_at: '2026-11-23T05:00:00Z', disabled_reason: 'owner' }],
  ])('is shown as %s', (name, fields) => {
    expect(webhookState({ ...aWebhook, ...fields }).name).toBe(name);
  });

  it.each([
    ['failing', 'Disabled since 23 Nov 2026, 05:00 UTC, after failing for three days.'],
    ['gone', 'Disabled since 23 Nov 2026, 05:00 UTC, after it returned 410 Gone.'],
    ['owner', 'Disabled by its owner, since 23 Nov 2026, 05:00 UTC.'],
  ])('that is disabled shows the reason: %s', (disabled_reason, words) => {
    const disabled = { ...aWebhook, disabled_at: '2026-11-23T05:00:00Z', disabled_reason };
    expect(webhookState(disabled).explanation).toBe(words);
  });

  it('is named by its label, or else by its target', () => {
    expect(webhookName({ ...aWebhook, label: 'ops' })).toBe('ops');
    expect(webhookName(aWebhook)).toBe('https://example.com/alerts');
    expect(kindWords('pagerduty')).toBe('PagerDuty');
    expect(kindWords('toString')).toBe('toString');
  });

  it('shows which alerts it gets', () => {
    expect(wantedWords({ types: null })).toBe('All alerts');
    expect(wantedWords({ types: ['key.minted', 'tier.granted'] })).toBe(
      'Key created, Tier granted',
    );
  });
});

describe('a delivery', () => {
  it.each<[string, string | undefined, Partial<Delivery>]>([
    ['Pending', 'First attempt within a minute.', {}],
    [
      'Pending',
      'Next attempt in 30 minutes.',
      { attempts: 5, next_attempt_at: '2026-11-23T05:42:00Z' },
    ],
    ['Delivered', undefined, { state: 'delivered', next_attempt_at: null }],
    ['Failed', 'There are no more attempts.', { state: 'failed', next_attempt_at: null }],
  ])('is %s: %s', (name, explanation, fields) => {
    const state = deliveryState({ ...aDelivery, ...fields }, aWebhook, now);
    expect(state.name).toBe(name);
    expect(state.explanation).toBe(explanation);
  });

  it('that is pending waits if its webhook is disabled', () => {
    const disabled = { disabled_at: '2026-11-23T05:00:00Z' };
    expect(deliveryState(aDelivery, disabled, now).explanation).toBe(
      'Waiting until the webhook is enabled.',
    );
  });

  it.each([
    ['delivered', 'Delivered'],
    ['timed_out', 'No response within 10 seconds'],
    ['some_new_one', 'some new one'],
    ['constructor', 'constructor'],
  ])('whose attempt ended as %s is shown as “%s”', (outcome, words) => {
    expect(outcomeWords({ outcome })).toBe(words);
  });
});

describe('percentages', () => {
  it.each([
    ['80, 95, 100', [80, 95, 100], undefined],
    ['90 % 50%,90', [50, 90], undefined],
    ['', [], 'Enter at least one percentage, or choose “Never”.'],
    ['9', [9], 'Enter whole numbers from 10 to 100.'],
    ['101', [101], 'Enter whole numbers from 10 to 100.'],
    ['50.5', [Number.NaN], 'Enter whole numbers from 10 to 100.'],
    ['10 20 30 40 50 60', [10, 20, 30, 40, 50, 60], 'Enter at most five percentages.'],
  ])('“%s” are read, and refused if they are invalid', (typed, percents, mistake) => {
    expect(readPercents(typed)).toEqual(percents);
    expect(checkPercents(percents)).toBe(mistake);
  });

  it('are shown as a list', () => {
    expect(percentWords([80])).toBe('at 80 %');
    expect(percentWords([80, 95, 100])).toBe('at 80, 95 and 100 %');
    expect(percentWords([])).toBe('never');
  });
});
