import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askBy, expectSameRefusal } from '../../support/both-ways.ts';
import type { Fields } from '../../support/calls.ts';
import { connectOwner, newAdmin, newUser, type Persona } from '../../support/personas.ts';
import { operatorWebhooks, ownWebhooks } from '../../support/webhook-calls.ts';
import {
  idleWebhook,
  makeWebhook,
  nowhere,
  removeIdleWebhooks,
  testWebhook,
} from '../../support/webhook-scenes.ts';

const sql = connectOwner();
let user: Persona;
let other: Persona;
let admin: Persona;

beforeAll(async () => {
  [user, other, admin] = await Promise.all([newUser(), newUser(), newAdmin()]);
});
afterAll(async () => {
  await removeIdleWebhooks(sql);
  await sql.end();
});

const slackUrl = 'https://hooks.slack.com/services/T0/B0/x';
const discordUrl = 'https://discord.com/api/webhooks/1/x';

/** Bodies that create no webhook, each with the field at fault. */
const refused: [what: string, body: Fields, field: string][] = [
  ['a null kind', { kind: null, url: nowhere }, 'kind'],
  ['an unknown kind', { kind: 'teams', url: nowhere }, 'kind'],
  ['a kind in another case', { kind: 'Webhook', url: nowhere }, 'kind'],
  ['no URL', { kind: 'webhook' }, 'url'],
  ['a null URL', { kind: 'webhook', url: null }, 'url'],
  ['an empty URL', { kind: 'webhook', url: '' }, 'url'],
  ['text that is not a URL', { kind: 'webhook', url: 'example.com/hook' }, 'url'],
  ['another scheme', { kind: 'webhook', url: 'ftp://example.com/' }, 'url'],
  ['a scheme in capitals', { kind: 'webhook', url: 'HTTPS://example.com/' }, 'url'],
  ['a user in the URL', { kind: 'webhook', url: 'https://user@example.com/' }, 'url'],
  ['a password in the URL', { kind: 'webhook', url: 'https://u:p@example.com/' }, 'url'],
  ['a fragment', { kind: 'webhook', url: 'https://example.com/#part' }, 'url'],
  ['a space', { kind: 'webhook', url: 'https://example.com/a b' }, 'url'],
  ['a line break', { kind: 'webhook', url: 'https://example.com/\n' }, 'url'],
  ['a backslash', { kind: 'webhook', url: 'https://example.com\\@evil.example/' }, 'url'],
  ['non-ASCII letters', { kind: 'webhook', url: 'https://exämple.com/' }, 'url'],
  ['no host', { kind: 'webhook', url: 'https:///hook' }, 'url'],
  ['a long URL', { kind: 'webhook', url: `https://example.com/${'x'.repeat(2_000)}` }, 'url'],
  ['Slack at another host', { kind: 'slack', url: 'https://example.com/services/x' }, 'url'],
  [
    'Slack at a host with the same prefix',
    { kind: 'slack', url: 'https://hooks.slack.com.evil.example/' },
    'url',
  ],
  ['Slack without a URL', { kind: 'slack' }, 'url'],
  ['Discord at another host', { kind: 'discord', url: slackUrl }, 'url'],
  ['PagerDuty without a key', { kind: 'pagerduty' }, 'routingKey'],
  ['PagerDuty with a short key', { kind: 'pagerduty', routingKey: 'abc' }, 'routingKey'],
  [
    'PagerDuty with a key of punctuation',
    { kind: 'pagerduty', routingKey: '-'.repeat(32) },
    'routingKey',
  ],
  ['PagerDuty with a URL', { kind: 'pagerduty', routingKey: 'a'.repeat(32), url: nowhere }, 'url'],
  [
    'a PagerDuty key for another kind',
    { ...idleWebhook, routingKey: 'a'.repeat(32) },
    'routingKey',
  ],
  ['no types', { ...idleWebhook, types: [] }, 'types'],
  ['an unknown type', { ...idleWebhook, types: ['key.minted', 'key.gone'] }, 'types'],
  ['a label of 81 characters', { ...idleWebhook, label: 'x'.repeat(81) }, 'label'],
  ['a label of spaces', { ...idleWebhook, label: '  ' }, 'label'],
];

describe('a webhook is not created', () => {
  it.each(refused)('with %s', async (_, body, field) => {
    await expectSameRefusal(ownWebhooks.create(user, body), 400, 'invalid_request', field);
    await expectSameRefusal(operatorWebhooks.create(admin, body), 400, 'invalid_request', field);
  });

  it.each<[string, Fields]>([
    ['an unknown field', { ...idleWebhook, color: 'red' }],
    ["a secret of the caller's choice", { ...idleWebhook, secret: 'whsec_x' }],
    ['no kind', { url: nowhere }],
  ])('with %s: the route refuses it, and PostgREST finds no such function', async (_, body) => {
    const ways = ownWebhooks.create(user, body);
    expect(await askBy.route(ways)).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(await askBy.rpc(ways)).toMatchObject({ status: 404, code: 'PGRST202' });
  });

  it('for an unconfirmed email address, or for email to the operator', async () => {
    const unconfirmed = await newUser();
    await sql`update auth.users set email_confirmed_at = null where id = ${unconfirmed.id}`;
    const body = { kind: 'email' };
    await expectSameRefusal(ownWebhooks.create(unconfirmed, body), 409, 'email_not_confirmed');
    await expectSameRefusal(operatorWebhooks.create(admin, body), 400, 'invalid_request', 'kind');
  });

  it('if it would be the eleventh', async () => {
    const busy = await newUser();
    for (let n = 0; n < 10; n += 1) await makeWebhook(busy);
    const eleventh = ownWebhooks.create(busy, idleWebhook);
    await expectSameRefusal(eleventh, 409, 'webhook_limit_reached');
    const [first] = (await askBy.route(ownWebhooks.list(busy))).items;
    await askBy.route(ownWebhooks.delete(busy, String(first?.id)));
    expect(await askBy.route(eleventh)).toMatchObject({ status: 201 });
  });
});

describe('a webhook is not changed', () => {
  it.each<[string, Fields, string]>([
    ['an unknown field', { color: 'red' }, 'color'],
    ['another URL', { url: 'https://example.com/' }, 'url'],
    ['another kind', { kind: 'slack' }, 'kind'],
    ['no types', { types: [] }, 'types'],
    ['an unknown type', { types: ['key.gone'] }, 'types'],
    ['types that are text', { types: 'key.quota' }, 'types'],
    ['a label that is a number', { label: 5 }, 'label'],
    ['a label of 81 characters', { label: 'x'.repeat(81) }, 'label'],
    ['a state that is text', { disabled: 'true' }, 'disabled'],
    ['a state that is null', { disabled: null }, 'disabled'],
  ])('with %s', async (_, changes, field) => {
    const id = await makeWebhook(user);
    const ways = ownWebhooks.update(user, id, changes);
    await expectSameRefusal(ways, 400, 'invalid_request', field);
    await askBy.route(ownWebhooks.delete(user, id));
  });
});

it('a webhook that does not sign has no secret to rotate', async () => {
  const made = await askBy.route(ownWebhooks.create(user, { kind: 'discord', url: discordUrl }));
  expect(made).toMatchObject({ status: 201, data: { address: 'discord.com', secret: null } });
  const id = String(made.data?.id);
  await expectSameRefusal(ownWebhooks.rotate(user, id), 400, 'invalid_request', 'id');
});

it('a disabled webhook gets no test and no resent delivery', async () => {
  const id = await makeWebhook(user);
  const delivery = await testWebhook(user, id);
  await askBy.route(ownWebhooks.update(user, id, { disabled: true }));
  await expectSameRefusal(ownWebhooks.test(user, id), 409, 'webhook_disabled');
  await expectSameRefusal(ownWebhooks.resend(user, id, delivery), 409, 'webhook_disabled');
});

describe('a webhook that the caller may not use is treated as unknown:', () => {
  it.each([
    "another user's webhook, to a user and to an admin",
    "the operator's webhook over the routes of users",
    "a user's webhook over the routes of the operator",
    'an unknown webhook',
  ])('%s', async (what) => {
    const theirs = await makeWebhook(other);
    const operators = await makeWebhook(admin, true);
    const delivery = await testWebhook(other, theirs);
    const asked = {
      "another user's webhook, to a user and to an admin": [
        [ownWebhooks, user, theirs],
        [ownWebhooks, admin, theirs],
      ],
      "the operator's webhook over the routes of users": [
        [ownWebhooks, user, operators],
        [ownWebhooks, admin, operators],
      ],
      "a user's webhook over the routes of the operator": [[operatorWebhooks, admin, theirs]],
      'an unknown webhook': [
        [ownWebhooks, user, randomUUID()],
        [operatorWebhooks, admin, randomUUID()],
      ],
    }[what] as [typeof ownWebhooks, Persona, string][];
    for (const [calls, by, id] of asked) {
      for (const ways of [
        calls.update(by, id, { disabled: true }),
        calls.delete(by, id),
        calls.rotate(by, id),
        calls.test(by, id),
        calls.deliveries(by, id),
        calls.resend(by, id, delivery),
        calls.resend(by, id, randomUUID()),
      ]) {
        await expectSameRefusal(ways, 404, 'webhook_not_found');
      }
    }
    await removeIdleWebhooks(sql);
  });

  it('a delivery to another webhook of the same user', async () => {
    const [one, two] = [await makeWebhook(user), await makeWebhook(user)];
    const delivery = await testWebhook(user, two);
    await expectSameRefusal(ownWebhooks.resend(user, one, delivery), 404, 'webhook_not_found');
    expect(await askBy.rpc(ownWebhooks.resend(user, two, delivery))).toMatchObject({ code: null });
  });

  it.each(['x', "' or true --", '*', ' ', 'null', `${randomUUID()}0`])(
    'an invalid id in the route: %s',
    async (id) => {
      for (const ways of [
        ownWebhooks.update(user, id, {}),
        ownWebhooks.delete(user, id),
        ownWebhooks.deliveries(user, id),
        ownWebhooks.resend(user, randomUUID(), id),
      ]) {
        expect(await askBy.route(ways)).toMatchObject({ status: 404, code: 'webhook_not_found' });
      }
    },
  );
});
