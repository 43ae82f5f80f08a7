import { randomUUID } from 'node:crypto';
import type { Sql } from 'postgres';

const channel = 'proxy_key_changed';

/** The changes of keys that the database announces to gateways. */
export interface AnnouncedChanges {
  /** How often a change of the key was announced until now. */
  countOf(keyId: string): Promise<number>;
}

/** Listens as a gateway does, over a connection of its role, which needs no grant for it. */
export async function listenForChanges(gateway: Sql): Promise<AnnouncedChanges> {
  const announced: string[] = [];
  const awaited = new Map<string, () => void>();
  await gateway.listen(channel, (payload) => {
    announced.push(payload);
    awaited.get(payload)?.();
  });
  return {
    // notifications come in the order of their commits: one of our own is the last of them
    async countOf(keyId) {
      const sentinel = randomUUID();
      const arrival = new Promise<void>((resolve) => awaited.set(sentinel, resolve));
      await gateway.notify(channel, sentinel);
      await arrival;
      return announced.filter((payload) => payload === keyId).length;
    },
  };
}
