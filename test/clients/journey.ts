import type { createClient, SupabaseClient } from '@supabase/supabase-js';

/** The answer of `functions.invoke`. */
type Invoked = Awaited<ReturnType<SupabaseClient['functions']['invoke']>>;

/** A project as a client knows it, and the user who signs in. */
export interface JourneyStart {
  url: string;
  publishableKey: string;
  email: string;
  password: string;
}

/** A developer's calls over supabase-js. Without imports, because browsers get it as text. */
export async function takeJourney(
  create: typeof createClient,
  { url, publishableKey, email, password }: JourneyStart,
) {
  const supabase = create(url, publishableKey);
  const keys = 'api/v1/proxy/keys';

  const wrong = await supabase.auth.signInWithPassword({ email, password: `${password}?` });
  const signedIn = await supabase.auth.signInWithPassword({ email, password });

  const minted = await supabase.rpc('mint_proxy_key', { label: 'by rpc' });
  const invoked = await supabase.functions.invoke(keys, { body: { label: 'by invoke' } });
  const view = await supabase.from('proxy_key_summaries').select('label').order('label');
  const listed = await supabase.functions.invoke(keys, { method: 'GET' });
  const rotated = await supabase.rpc('rotate_proxy_key', { id: minted.data.id });
  const rotatedAgain = await supabase.functions.invoke(`${keys}/${minted.data.id}/rotate`);
  const usage = await supabase.rpc('proxy_usage_summary');
  const usageInvoked = await supabase.functions.invoke('api/v1/proxy/usage', { method: 'GET' });
  const deleted = await supabase.functions.invoke(`${keys}/${minted.data.id}`, {
    method: 'DELETE',
  });

  const rpcRefusal = await supabase.rpc('rotate_proxy_key', { id: minted.data.id });
  const refusal = await supabase.functions.invoke(`${keys}/${minted.data.id}/rotate`);
  const fieldRefusal = await supabase.functions.invoke(keys, { body: { label: '' } });
  const problemOf = async ({ error }: Invoked) => {
    const { status, code } = await error.context.json();
    return { name: error.name, status, code };
  };

  const signedOut = await supabase.auth.signOut();
  const late = await supabase.rpc('mint_proxy_key', { label: 'late' });
  const lateInvoked = await supabase.functions.invoke(keys, { method: 'GET' });

  return {
    wrongPassword: wrong.error?.code,
    signInError: signedIn.error,
    secrets: [minted.data, invoked.data.key, rotated.data, rotatedAgain.data.key].map(
      ({ secret }: { secret: string }) => /^[0-9a-f]{64}$/.test(secret),
    ),
    keyIdKept: minted.data.key_id === rotatedAgain.data.key.keyId,
    labels: view.data?.map(({ label }) => label),
    listed: listed.data.length,
    usage: usage.data.total_requests,
    usageInvoked: usageInvoked.data.totalRequests,
    activeKeys: usageInvoked.data.activeKeys,
    deleted: { data: deleted.data, error: deleted.error },
    rpcRefusal: { status: rpcRefusal.status, hint: rpcRefusal.error?.hint },
    refusal: await problemOf(refusal),
    fieldRefusal: await problemOf(fieldRefusal),
    signOutError: signedOut.error,
    late: { status: late.status, code: late.error?.code },
    lateInvoked: await problemOf(lateInvoked),
  };
}

/** The result that every client must get. */
export const journeyFound = {
  wrongPassword: 'invalid_credentials',
  signInError: null,
  secrets: [true, true, true, true],
  keyIdKept: true,
  labels: ['by invoke', 'by rpc'],
  listed: 2,
  usage: 0,
  usageInvoked: 0,
  activeKeys: 2,
  deleted: { data: '', error: null },
  rpcRefusal: { status: 409, hint: 'key_deleted' },
  refusal: { name: 'FunctionsHttpError', status: 409, code: 'key_deleted' },
  fieldRefusal: { name: 'FunctionsHttpError', status: 400, code: 'invalid_request' },
  signOutError: null,
  late: { status: 401, code: '42501' },
  lateInvoked: { name: 'FunctionsHttpError', status: 401, code: 'unauthorized' },
};
