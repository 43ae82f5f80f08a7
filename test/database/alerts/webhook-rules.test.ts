import type { TransactionSql } from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { alertTypes } from '../../../supabase/functions/_shared/alert-types.ts';
import { connectOwner, newAdmin, newUser, type Persona } from '../../support/personas.ts';
import { asRole } from '../database-role.ts';

const sql = connectOwner();
let user: Persona;
let admin: Persona;
beforeAll(async () => {
  [user, admin] = await Promise.all([newUser(), newAdmin()]);
});
afterAll(() => sql.end());

/** Runs `work` as the user's request and rolls it back: other tests share this database. */
async function takenBack<Result>(
  claims: { sub: string; app_metadata?: object },
  work: (transaction: TransactionSql) => Promise<Result>,
): Promise<Result> {
  const done = new Error('done');
  let result: Result | undefined;
  await asRole(sql, 'authenticated', claims, async (transaction) => {
    result = await work(transaction);
    throw done;
  }).catch((error: unknown) => {
    if (error !== done) throw error;
  });
  return result as Result;
}

/** As on a hosted project, where no webhook may be local. */
const asHosted = <Result>(work: (transaction: TransactionSql) => Promise<Result>) =>
  takenBack({ sub: user.id }, async (transaction) => {
    await transaction`reset role`;
    await transaction`update proxy_private.delivery_settings set allow_local_webhooks = false`;
    await transaction`set local role authenticated`;
    return work(transaction);
  });

const create = (transaction: TransactionSql, kind: string, url: string) =>
  transaction`select address from public.create_proxy_webhook(${kind}, ${url})`;

describe('on a hosted project', () => {
  it.each([
    ['webhook', 'http://example.com/hook'],
    ['webhook', 'http://127.0.0.1:9/hook'],
    ['slack', 'http://hooks.slack.com/services/x'],
    ['slack', 'https://127.0.0.1/services/x'],
    ['discord', 'https://localhost/api/webhooks/x'],
  ])('no webhook of kind %s goes to %s', async (kind, url) => {
    const made = asHosted((transaction) => create(transaction, kind, url));
    await expect(made).rejects.toMatchObject({ hint: 'invalid_request', detail: 'url' });
  });

  it.each([
    ['webhook', 'https://example.com:8443/hook?a=b', 'https://example.com:8443/hook?a=b'],
    ['webhook', 'https://[2001:db8::1]/hook', 'https://[2001:db8::1]/hook'],
    ['slack', 'https://hooks.slack.com/services/x', 'hooks.slack.com'],
    ['slack', 'https://HOOKS.slack.com/services/x', 'HOOKS.slack.com'],
    ['discord', 'https://discordapp.com/api/webhooks/x', 'discordapp.com'],
  ])('a webhook of kind %s may go to %s', async (kind, url, address) => {
    const [made] = await asHosted((transaction) => create(transaction, kind, url));
    expect(made).toEqual({ address });
  });
});

it('the operator has at most ten webhooks, across all admins', async () => {
  const claims = { sub: admin.id, app_metadata: { role: 'admin' } };
  const made = takenBack(claims, async (transaction) => {
    for (let n = 0; n < 11; n += 1) {
      await transaction`
        select from public.create_proxy_webhook(
          'webhook', 'https://example.com/hook', types => '{webhook.test}', operator => true
        )`;
    }
  });
  await expect(made).rejects.toMatchObject({ hint: 'webhook_limit_reached' });
});

it('the OpenAPI description lists the same alert types as SQL', async () => {
  const [row] = await sql<{ types: string[] }[]>`select proxy_private.alert_types() as types`;
  expect(row?.types).toEqual([...alertTypes]);
});

it('the log of a delivery shows at most 20 attempts, however often it was resent', async () => {
  const log = await takenBack({ sub: user.id }, async (transaction) => {
    const [webhook] = await transaction<{ id: string }[]>`
      select id from public.create_proxy_webhook('webhook', 'https://example.com/hook')`;
    const id = webhook?.id ?? '';
    const [delivery] = await transaction<{ id: string }[]>`
      select id from public.test_proxy_webhook(${id})`;
    await transaction`reset role`;
    await transaction`
      insert into proxy_private.proxy_delivery_attempts
        (delivery_id, number, started_at, duration_ms, outcome)
      select ${delivery?.id ?? ''}, n, now(), 1, 'timed_out' from generate_series(1, 30) as n`;
    await transaction`set local role authenticated`;
    const [page] = await transaction<{ items: { attempt_log: { number: number }[] }[] }[]>`
      select items from public.list_proxy_deliveries(${id})`;
    return page?.items[0]?.attempt_log;
  });
  expect(log?.map(({ number }) => number)).toEqual(Array.from({ length: 20 }, (_, n) => n + 11));
});
