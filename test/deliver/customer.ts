import { newUser, type Persona } from '../support/personas.ts';

/** A webhook as its owner sees it. */
export interface Webhook {
  id: string;
  secret: string | null;
  disabled_at: string | null;
  disabled_reason: string | null;
  failing_since: string | null;
}

/** A user with a webhook. */
export interface Customer {
  user: Persona;
  webhook: Webhook;
  /** Mints a key, which raises an alert; returns its id. */
  mint(): Promise<string>;
  /** The current state of the webhook. */
  current(): Promise<Webhook>;
}

/** Creates a user with a generic webhook. */
export async function newCustomer(url: string, types?: string[]): Promise<Customer> {
  const user = await newUser();
  const { data, error } = await user.supabase.rpc('create_proxy_webhook', {
    kind: 'webhook',
    url,
    ...(types && { types }),
  });
  if (error) throw error;
  const webhook = data as unknown as Webhook;
  return {
    user,
    webhook,
    async mint() {
      const minted = await user.supabase.rpc('mint_proxy_key', { label: 'key' });
      if (minted.error) throw minted.error;
      return (minted.data as { id: string }).id;
    },
    async current() {
      const listed = await user.supabase.rpc('list_proxy_webhooks');
      return (listed.data as unknown as Webhook[])[0] as Webhook;
    },
  };
}
