import { beforeAll, describe, expect, inject, it } from 'vitest';
import { newUser, password } from '../support/personas.ts';

// The requests that supabase-flutter sends (`supabase` 2.16.0 for Dart), exact in every byte that
// matters. The tests send them without Dart.

const { url, publishableKey } = inject('stack');

const clientInfo =
  'supabase-dart/2.16.0; platform=Android; platform-version=14; runtime=dart; runtime-version=3.9.0';
/** Dart's HTTP client adds the charset to a text body. */
const json = 'application/json; charset=utf-8';

interface Sent {
  method?: string;
  headers?: Record<string, string>;
  body?: unknown;
}

let session: { access_token: string; user: { email: string } };
let keyId: string;

/** Sends a request as `AuthHttpClient` does: with the session's token, if there is a session. */
function send(path: string, { method = 'POST', headers = {}, body }: Sent = {}, token?: string) {
  return fetch(`${url}${path}`, {
    method,
    headers: {
      'user-agent': 'Dart/3.9 (dart:io)',
      'X-Client-Info': clientInfo,
      apikey: publishableKey,
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'Content-Type': json }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

const rpc = (name: string, params?: Record<string, unknown>, token = session.access_token) =>
  send(`/rest/v1/rpc/${name}`, { body: params ?? null }, token);

const invoke = (path: string, sent?: Sent, token = session.access_token) =>
  send(`/functions/v1/${path}`, sent, token);

/** Reads an answer as `FunctionsClient` does: JSON only by this media type, otherwise text. */
async function asDart(response: Response): Promise<unknown> {
  const type = response.headers.get('Content-Type')?.split(';')[0];
  return type === 'application/json' ? response.json() : response.text();
}

beforeAll(async () => {
  const { email } = await newUser();
  const answer = await send('/auth/v1/token?grant_type=password', {
    headers: { 'x-supabase-api-version': '2024-01-01', Authorization: `Bearer ${publishableKey}` },
    body: { email, password, gotrue_meta_security: { captcha_token: null } },
  });
  session = await answer.json();
  expect([answer.status, session.user.email]).toEqual([200, email]);
});

describe('a Flutter app', () => {
  it('mints by RPC, and lists with a select', async () => {
    const minted = await rpc('mint_proxy_key', { label: 'by rpc' });
    expect(minted.status).toBe(200);
    keyId = (await minted.json()).key_id;
    const listed = await send(
      '/rest/v1/proxy_key_summaries?select=key_id%2Clabel',
      {
        method: 'GET',
      },
      session.access_token,
    );
    expect([listed.status, await listed.json()]).toEqual([
      200,
      [{ key_id: keyId, label: 'by rpc' }],
    ]);
  });

  it('reads one row with `single`', async () => {
    const one = await send(
      `/rest/v1/proxy_key_summaries?select=label&key_id=eq.${keyId}`,
      { method: 'GET', headers: { Accept: 'application/vnd.pgrst.object+json' } },
      session.access_token,
    );
    expect([one.status, await one.json()]).toEqual([200, { label: 'by rpc' }]);
  });

  it('invokes routes with a JSON body, without a body, in a region, and with parameters', async () => {
    const minted = await invoke('api/v1/proxy/keys?forceFunctionRegion=eu-west-1', {
      headers: { 'x-region': 'eu-west-1' },
      body: { label: 'by invoke' },
    });
    expect([minted.status, await asDart(minted)]).toMatchObject([
      201,
      { key: { label: 'by invoke' } },
    ]);
    const listed = await invoke('api/v1/proxy/keys?limit=1', { method: 'GET' });
    expect(await asDart(listed)).toMatchObject([{ label: 'by invoke' }]);
    const rotated = await invoke(`api/v1/proxy/keys/${keyId}/rotate`);
    expect([rotated.status, await asDart(rotated)]).toMatchObject([200, { key: { keyId } }]);
  });

  it('reads usage by a route, and by an RPC whose missing arguments are sent as null', async () => {
    const usage = await rpc('proxy_usage_summary');
    expect([usage.status, await usage.json()]).toMatchObject([200, { active_keys: 2 }]);
    const invoked = await invoke('api/v1/proxy/usage', { method: 'GET' });
    expect(await asDart(invoked)).toMatchObject({ activeKeys: 2 });
  });

  it('gets the code and hint of a refusal as `PostgrestApiException` shows them', async () => {
    const refused = await rpc('rotate_proxy_key', { id: 'avp_live_000000000000' });
    expect(refused.status).toBe(404);
    expect(await refused.json()).toMatchObject({ code: 'PT404', hint: 'not_found' });
  });

  it('gets a route’s refusal as text, and parses it itself', async () => {
    const refused = await invoke('api/v1/proxy/keys', { body: { label: '' } });
    const details = await asDart(refused);
    expect([refused.status, typeof details]).toEqual([400, 'string']);
    expect(JSON.parse(details as string)).toMatchObject({ code: 'invalid_request' });
  });

  it('gets 415 for a body of text or bytes', async () => {
    for (const type of ['text/plain; charset=utf-8', 'application/octet-stream']) {
      const refused = await invoke('api/v1/proxy/keys', {
        headers: { 'Content-Type': type },
        body: { label: 'text' },
      });
      expect([refused.status, (await refused.json()).code]).toEqual([
        415,
        'unsupported_media_type',
      ]);
    }
  });

  it('may send all its headers from a web page (Flutter for the web)', async () => {
    const asked =
      'apikey,authorization,baggage,content-type,traceparent,tracestate,x-client-info,x-region,x-retry-count';
    for (const path of ['/functions/v1/api/v1/proxy/keys', '/rest/v1/rpc/mint_proxy_key']) {
      const preflight = await fetch(`${url}${path}`, {
        method: 'OPTIONS',
        headers: {
          Origin: 'http://localhost:5000',
          'Access-Control-Request-Method': 'POST',
          'Access-Control-Request-Headers': asked,
        },
      });
      const allowed = preflight.headers.get('Access-Control-Allow-Headers') ?? '';
      const names = allowed.toLowerCase().split(/ *, */);
      expect([
        path,
        preflight.ok,
        asked.split(',').filter((name) => !names.includes(name)),
      ]).toEqual([path, true, []]);
    }
  });

  it('signs out, and is anonymous from then on', async () => {
    const out = await send(
      '/auth/v1/logout?scope=local',
      { headers: { 'x-supabase-api-version': '2024-01-01' }, body: {} },
      session.access_token,
    );
    expect(out.status).toBe(204);
    const late = await send('/rest/v1/rpc/mint_proxy_key', {
      headers: { Authorization: `Bearer ${publishableKey}` },
      body: { label: 'late' },
    });
    expect([late.status, (await late.json()).code]).toEqual([401, '42501']);
    const lateInvoked = await send('/functions/v1/api/v1/proxy/keys', {
      method: 'GET',
      headers: { Authorization: `Bearer ${publishableKey}` },
    });
    expect([lateInvoked.status, (await lateInvoked.json()).code]).toEqual([401, 'unauthorized']);
  });
});
