import { randomUUID } from 'node:crypto';
import type { Sql } from 'postgres';

const channel = 'proxy_key_changed';

/** The key changes that the database announces to gateways. */
export interface AnnouncedChanges {
  /** The number of announced changes of the key so far. */
  countOf(keyId: string): Promise<number>;
}

/** Listens over a connection of the gateway role, as a gateway does. LISTEN needs no grant. */
export async function listenForChanges(gateway: Sql): Promise<AnnouncedChanges> {
  const announced: string[] = [];
  const awaited = new Map<string, () => void>();
  await gateway.listen(channel, (payload) => {
    announced.push(payload);
    awaited.get(payload)?.();
  });
  return {
    // notifications arrive in commit order, so our own notification arrives last
    async countOf(keyId) {
      const sentinel = randomUUID();
      const arrival = new Promise<void>((resolve) => awaited.set(sentinel, resolve));
      await gateway.notify(channel, sentinel);
      await arrival;
      return announced.filter((payload) => payload === keyId).length;
    },
  };
}
