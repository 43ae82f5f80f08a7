import { describe, expect, inject, it } from 'vitest';
import { newUser } from '../support/personas.ts';

describe('only the secret key may call', () => {
  const shared = inject('stack');
  const call = (headers: Record<string, string>, method = 'POST') =>
    fetch(`${shared.url}/functions/v1/deliver`, { method, headers });

  it('the function deliver', async () => {
    const { token } = await newUser();
    expect((await call({})).status).toBe(401);
    expect((await call({ apikey: shared.publishableKey })).status).toBe(401);
    expect((await call({ apikey: 'sb_secret_wrong' })).status).toBe(401);
    expect((await call({ Authorization: `Bearer ${token}` })).status).toBe(401);
    expect((await call({ apikey: shared.secretKey }, 'GET')).status).toBe(405);
    expect((await call({ apikey: shared.secretKey })).status).toBe(202);
    expect((await call({ Authorization: `Bearer ${shared.secretKey}` })).status).toBe(202);
  });

  it.each(['claim_proxy_deliveries', 'report_proxy_deliveries'] as const)(
    'the RPC %s',
    async (name) => {
      const user = await newUser();
      const args = name === 'claim_proxy_deliveries' ? { most: 1 } : { results: [] };
      const { error } = await user.supabase.rpc(name, args as never);
      expect(error?.code).toBe('42501');
    },
  );
});
