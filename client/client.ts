import createClient, { type Client } from 'openapi-fetch';
import type { paths } from './api.types.ts';

/** The HTTP API as typed calls: `client.GET('/api/v1/proxy/keys')`. */
export type ProxyKeysClient = Client<paths, MediaType>;

/** Calls resolve to JSON. For CSV, pass `parseAs: 'text'`. */
type MediaType = `application/${string}`;

/**
 * Creates a client for the HTTP API, typed by its OpenAPI description. Each call resolves to `{data, error,
 * response}`: `error` is a problem document, and its `code` identifies the refusal.
 */
export function createProxyKeysClient(options: {
  /** The API's base URL: an origin, or `https://<project>.supabase.co/functions/v1`. */
  baseUrl: string;
  /** Returns a Supabase access token. It is called for each request, so that a refreshed token is used. */
  token: () => string | Promise<string>;
  fetch?: typeof globalThis.fetch;
}): ProxyKeysClient {
  const client = createClient<paths, MediaType>({
    baseUrl: options.baseUrl,
    ...(options.fetch ? { fetch: options.fetch } : {}),
  });
  client.use({
    async onRequest({ request }) {
      request.headers.set('Authorization', `Bearer ${await options.token()}`);
      return request;
    },
  });
  return client;
}
