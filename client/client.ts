import createClient, { type Client } from 'openapi-fetch';
import type { paths } from './api.types.ts';

/** The HTTP API as typed calls: `client.GET('/api/v1/proxy/keys')`. */
export type ProxyKeysClient = Client<paths, MediaType>;

/** What a call resolves to: JSON. CSV is asked for with `parseAs: 'text'`. */
type MediaType = `application/${string}`;

/**
 * A client of the HTTP API, typed by its OpenAPI description. Each call resolves to `{data, error,
 * response}`: `error` is a problem document, whose `code` says what was refused.
 */
export function createProxyKeysClient(options: {
  /** Where the API is: an origin, or `https://<project>.supabase.co/functions/v1`. */
  baseUrl: string;
  /** A Supabase access token, asked for on each call, so that a refreshed one is used. */
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
