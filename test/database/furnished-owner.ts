import { randomUUID } from 'node:crypto';
import { askBy, keyOf } from '../support/both-ways.ts';
import { calls } from '../support/calls.ts';
import type { MintedKey } from '../support/contract.ts';
import { connectGateway, connectOwner, newUser, type Persona } from '../support/personas.ts';
import { recordUsage, usageEvent } from '../support/usage-events.ts';

export interface FurnishedOwner {
  user: Persona;
  key: MintedKey;
  /** Identifiers of the owner that can appear in a row or an answer: no other user may see them. */
  identifiers: string[];
}

/** A user with their own row in every table and view that users read. */
export async function newFurnishedOwner(): Promise<FurnishedOwner> {
  const user = await newUser();
  const label = `label ${randomUUID()}`;
  const key = keyOf(await askBy.route(calls.mint(user, { label })));
  const event = usageEvent(key.id);

  const sql = connectOwner();
  const gateway = connectGateway(1);
  await sql`
    insert into proxy_private.proxy_tier_grants (user_id, tier) values (${user.id}, 'enterprise')`;
  await recordUsage(gateway, [event]);
  await Promise.all([sql.end(), gateway.end()]);
  return { user, key, identifiers: [user.id, user.email, key.id, key.keyId, label, event.eventId] };
}

/** Which of the identifiers appear anywhere in an answer. */
export function identifiersIn(answer: unknown, identifiers: string[]): string[] {
  const text = JSON.stringify(answer) ?? '';
  return identifiers.filter((identifier) => text.includes(identifier));
}
