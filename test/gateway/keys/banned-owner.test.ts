import { afterAll, afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { newKeyOwner, type UsableKey } from '../../support/gateway/key-owner.ts';
import { connectOwner, createSupabase } from '../../support/personas.ts';
import { closed, expectOpen, startWarmGateway, type WarmGateway } from './warm-gateway.ts';

const sql = connectOwner();
const { admin } = createSupabase(inject('stack').secretKey).auth;
let warm: WarmGateway;
let key: UsableKey;

// the gateway's time stands still, so nothing in its cache expires by age
beforeEach(async () => {
  warm = await startWarmGateway(sql);
  key = await warm.newKey();
  expect(await warm.answerTo(key.basicAuth)).toBe('connected');
});
afterEach(() => warm.close());
afterAll(() => sql.end());

const ways: [string, { bar: () => Promise<unknown>; letIn: () => Promise<unknown> }][] = [
  [
    'banned by Supabase Auth',
    {
      bar: () => admin.updateUserById(warm.owner.persona.id, { ban_duration: '24h' }),
      letIn: () => admin.updateUserById(warm.owner.persona.id, { ban_duration: 'none' }),
    },
  ],
  [
    'banned in SQL',
    {
      bar: () => setAccount({ banned_until: '2099-01-01' }),
      letIn: () => setAccount({ banned_until: null }),
    },
  ],
  [
    'soft-deleted',
    {
      bar: () => setAccount({ deleted_at: '2026-01-01' }),
      letIn: () => setAccount({ deleted_at: null }),
    },
  ],
];

function setAccount(fields: { banned_until?: string | null; deleted_at?: string | null }) {
  return sql`update auth.users set ${sql(fields)} where id = ${warm.owner.persona.id}`;
}

async function answers(code: string): Promise<void> {
  await vi.waitFor(async () => expect(await warm.answerTo(key.basicAuth)).toBe(code), 60_000);
}

describe.each(ways)('the key of an owner who is %s', (_, { bar, letIn }) => {
  it('gets 407 from a warm cache, its open tunnel is closed, and it works again afterwards', async () => {
    const stranger = await newKeyOwner(sql);
    const theirs = await warm.openTunnel((await stranger.newKey()).basicAuth);
    const tunnel = await warm.openTunnel(key.basicAuth);
    await bar();
    await closed(tunnel);
    expect(await warm.answerTo(key.basicAuth)).toBe('credentials_required');
    await expectOpen(theirs);
    theirs.destroy();
    await letIn();
    await answers('connected');
  });
});
