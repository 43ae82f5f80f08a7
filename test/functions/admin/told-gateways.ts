import { randomUUID } from 'node:crypto';
import type { Sql } from 'postgres';

/** What gateways are told of keys that change. */
export interface ToldGateways {
  /** How many times they were told of the key until now. */
  timesTold(keyId: string): Promise<number>;
}

/** Listens as a gateway does, over a connection of its role. */
export async function listenAsGateway(gateway: Sql): Promise<ToldGateways> {
  const told: string[] = [];
  const awaited = new Map<string, () => void>();
  await gateway.listen('proxy_key_changed', (payload) => {
    told.push(payload);
    awaited.get(payload)?.();
  });
  return {
    // notifications come in the order of their commits: a word of our own is the last of them
    async timesTold(keyId) {
      const sentinel = randomUUID();
      const arrival = new Promise<void>((resolve) => awaited.set(sentinel, resolve));
      await gateway.notify('proxy_key_changed', sentinel);
      await arrival;
      return told.filter((payload) => payload === keyId).length;
    },
  };
}
