import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import type { Database } from '../../supabase/functions/_shared/database.types.ts';

/** The project to check, as a test user with a token sees it. */
export interface Project {
  /** The project's URL, without a trailing slash. */
  url: string;
  publishableKey: string;
  /** An access token of a test user. */
  token: string;
  /** Whether it runs on this machine, where demo accounts are expected. */
  local: boolean;
  /** A gateway's login. */
  gatewayUrl: string | undefined;
}

/** A failed check: the message has the cause and the next step, but no secret. */
export class Unexpected extends Error {}

/** A check that cannot run with the given arguments; the message says what it needs. */
export class Unchecked extends Error {}

/** A complete response. */
export interface Answer {
  status: number;
  headers: Headers;
  /** Parsed if it is JSON; otherwise null. */
  body: unknown;
}

/** The timeout of one response, in ms. */
const timeoutMs = 15_000;

interface Call {
  method?: string;
  headers?: Record<string, string>;
  json?: unknown;
  /** False for a request without the user's token. */
  signedIn?: boolean;
}

/** Sends one request to the project. Throws `Unexpected` without a response. */
export async function call(project: Project, path: string, options: Call = {}): Promise<Answer> {
  const { method = 'GET', headers, json, signedIn = true } = options;
  try {
    const response = await fetch(`${project.url}${path}`, {
      method,
      headers: {
        apikey: project.publishableKey,
        ...(signedIn && { Authorization: `Bearer ${project.token}` }),
        ...(json !== undefined && { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(json !== undefined && { body: JSON.stringify(json) }),
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    return {
      status: response.status,
      headers: response.headers,
      body: parse(await response.text()),
    };
  } catch (error) {
    const { name, cause } = error as Error & { cause?: { code?: string } };
    const why =
      name === 'TimeoutError' ? `timed out after ${timeoutMs / 1_000} s` : (cause?.code ?? name);
    throw new Unexpected(`no answer from ${project.url} (${why}): check --url and the network`);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The `code` in a response body from PostgREST, Auth or the functions. */
export function codeOf({ body }: Answer): string | undefined {
  const { code, error_code: errorCode } = (body ?? {}) as { code?: unknown; error_code?: unknown };
  const found = errorCode ?? code;
  return typeof found === 'string' ? found : undefined;
}

/** Creates a supabase-js client for the user. */
export function connect({ url, publishableKey, token }: Project): SupabaseClient<Database> {
  return createClient<Database>(url, publishableKey, {
    accessToken: async () => token,
    global: {
      fetch: (input, init) => fetch(input, { ...init, signal: AbortSignal.timeout(timeoutMs) }),
    },
  });
}
