import type postgres from 'postgres';
import { expect, vi } from 'vitest';
import type { UsageEvent } from '../../../dashboard/src/data/key.ts';
import { newUser, type Persona } from '../personas.ts';
import { type SeededKey, type SeedOptions, seedKey } from '../seeded-keys.ts';

/** A key as a client sends it. */
export type UsableKey = SeededKey & { basicAuth: string };

/** A user with as many keys as a test needs, who reads their usage. */
export interface KeyOwner {
  persona: Persona;
  newKey(options?: SeedOptions): Promise<UsableKey>;
  /** The events of a key, oldest first, once there are `count` of them. */
  eventsOf(key: SeededKey, count: number): Promise<UsageEvent[]>;
  /** The number of refusals of a key by code, once there are `count` refusals. */
  refusalsOf(key: SeededKey, count: number): Promise<Record<string, number>>;
}

/** Signs up a user; `sql` is the schema's owner. */
export async function newKeyOwner(sql: postgres.Sql): Promise<KeyOwner> {
  const persona = await newUser();
  return {
    persona,
    async newKey(options) {
      const key = await seedKey(sql, persona.id, options);
      return { ...key, basicAuth: `${key.keyId}:${key.secret}` };
    },
    eventsOf: (key, count) =>
      vi.waitFor(async () => {
        const events = await listEvents(persona, key);
        expect(events).toHaveLength(count);
        return events.reverse();
      }, patience),
    refusalsOf: (key, count) =>
      vi.waitFor(async () => {
        const counts: Record<string, number> = {};
        let sum = 0;
        for (const { code, count } of await listEvents(persona, key)) {
          if (code === null) continue;
          counts[code] = (counts[code] ?? 0) + count;
          sum += count;
        }
        expect(sum).toBe(count);
        return counts;
      }, patience),
  };
}

const patience = { timeout: 60_000, interval: 50 };

async function listEvents(persona: Persona, key: SeededKey): Promise<UsageEvent[]> {
  const asked = { id: key.id, limit: 200 };
  const { data } = await persona.supabase.rpc('list_proxy_key_events', asked);
  return (data?.items ?? []) as unknown as UsageEvent[];
}
