import { beforeAll, describe, expect, inject, it } from 'vitest';
import { askBy, keyOf } from '../../support/both-ways.ts';
import { calls } from '../../support/calls.ts';
import { type Connection, connectAlone } from '../../support/connect-alone.ts';
import type { MintedKey } from '../../support/contract.ts';
import { newUser, type Persona } from '../../support/personas.ts';

const stack = inject('stack');

describe("while another tenant's rows are locked, as by one of their writes", () => {
  let stranger: Persona;
  let key: MintedKey;
  let holder: Connection;

  beforeAll(async () => {
    const [owner, other] = await Promise.all([newUser(), newUser()]);
    stranger = other;
    key = keyOf(await askBy.rpc(calls.mint(owner, { label: 'theirs' })));
    await askBy.rpc(calls.delete(owner, key.id));
  });

  /** Locks everything that a write of the owner locks, and more, until `work` is done. */
  async function whileLocked(work: () => Promise<unknown>): Promise<void> {
    holder = await connectAlone(stack.dbUrl);
    await holder`begin`;
    await holder`
      select from proxy_private.proxy_keys as k
      join proxy_private.proxy_key_secrets as s on s.api_key_id = k.id
      where k.id = ${key.id}
      for update`;
    await holder`
      select from proxy_private.write_windows where user_id =
        (select user_id from proxy_private.proxy_keys where id = ${key.id})
      for update`;
    await work();
    await holder`rollback`;
  }

  it('a stranger who names the key gets 404 without waiting', () =>
    // a call that waited for the lock would hang, as the lock is released only after the answers
    whileLocked(async () => {
      for (const id of [key.id, key.keyId]) {
        const { supabase } = stranger;
        const asked = [
          supabase.rpc('get_proxy_key', { id }),
          supabase.rpc('update_proxy_key', { id, changes: { label: 'mine' } }),
          supabase.rpc('rotate_proxy_key', { id }),
          supabase.rpc('delete_proxy_key', { id }),
          supabase.rpc('list_proxy_key_events', { id }),
          supabase.rpc('list_proxy_key_audit', { id }),
          supabase.rpc('proxy_usage_series', { interval: 'day', key_id: id }),
          supabase.rpc('proxy_usage_targets', { key_id: id }),
          supabase.rpc('export_proxy_usage_targets', { key_id: id }),
          supabase.rpc('proxy_usage_outcomes', { key_id: id }),
          supabase.rpc('export_proxy_usage_outcomes', { key_id: id }),
        ];
        for (const { status, error } of await Promise.all(asked)) {
          expect([status, error?.hint]).toEqual([404, 'not_found']);
        }
      }
    }));

  it('a stranger can still mint, rotate and delete', () =>
    whileLocked(async () => {
      for (const ask of Object.values(askBy)) {
        const { id } = keyOf(await ask(calls.mint(stranger, { label: 'mine' })));
        expect((await ask(calls.rotate(stranger, id))).status).toBe(200);
        expect((await ask(calls.delete(stranger, id))).code).toBeNull();
      }
    }));
});
