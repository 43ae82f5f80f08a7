import { resolveEnv, verifyCredentials } from '@supabase/server/core';
import { createClient } from '@supabase/supabase-js';
import type { Database } from '../_shared/database.types.ts';
import type { ClaimedDelivery } from './claimed-delivery.ts';
import { beginDelivering } from './delivering.ts';
import { post } from './post.ts';
import { requestOf } from './request-of.ts';
import { readSettings } from './settings.ts';

/** `POST /deliver` with the secret key: attempts the deliveries that are due, and continues after it responds. */
export function createDeliver(): (request: Request) => Promise<Response> {
  const { data: env, error } = resolveEnv();
  if (error) throw error;
  const secretKey = env.secretKeys.default ?? Object.values(env.secretKeys)[0];
  if (!secretKey) throw new Error('SUPABASE_SECRET_KEYS contains no key');
  const settings = readSettings();
  const database = createClient<Database>(env.url, secretKey, {
    auth: { persistSession: false, autoRefreshToken: false },
  });
  const claim = async (most: number) => {
    const { data, error } = await database.rpc('claim_proxy_deliveries', { most }).retry(false);
    if (error) throw new DatabaseRefused(error.code);
    return data as unknown as ClaimedDelivery[];
  };
  const report = async (results: object[]) => {
    const { error } = await database
      .rpc('report_proxy_deliveries', { results: results as never })
      .retry(false);
    if (error) throw new DatabaseRefused(error.code);
  };
  const attempt = (delivery: ClaimedDelivery) => {
    const request = requestOf(delivery, settings);
    const unsent = {
      outcome: 'not_configured',
      durationMs: 0,
      status: null,
      answer: null,
    } as const;
    return request ? post(request, settings) : Promise.resolve(unsent);
  };
  return async (request) => {
    if (request.method !== 'POST') {
      return answer(405, { code: 'method_not_allowed' }, { Allow: 'POST' });
    }
    const bearer = /^Bearer +(\S+)$/i.exec(request.headers.get('Authorization') ?? '')?.[1] ?? null;
    const credentials = { token: null, apikey: request.headers.get('apikey') ?? bearer };
    const verified = await verifyCredentials(credentials, { auth: 'secret', env });
    if (verified.error) return answer(401, { code: 'unauthorized' });
    try {
      const { claimed, ended } = await beginDelivering({ claim, report, attempt });
      // the caller does not wait for a receiver that hangs
      keepAlive(ended.catch(logFailure));
      return answer(202, { claimed });
    } catch (failure) {
      logFailure(failure);
      return answer(503, { code: 'unavailable' }, { 'Retry-After': '5' });
    }
  };
}

/** The platform stops an isolate that has responded, unless `waitUntil` registers what still runs. */
function keepAlive(running: Promise<void>): void {
  const { EdgeRuntime } = globalThis as { EdgeRuntime?: { waitUntil(p: Promise<void>): void } };
  EdgeRuntime?.waitUntil(running);
}

/** A delivery that was claimed but not reported is claimed again after 30 s. */
function logFailure(failure: unknown): void {
  const cause = failure instanceof DatabaseRefused ? failure.code : (failure as Error).name;
  console.error(JSON.stringify({ level: 'error', code: 'unavailable', cause }));
}

/** The database refused a claim or a report. Only its code is kept, as its message may quote a row. */
class DatabaseRefused extends Error {
  readonly code: string;

  constructor(code: string) {
    super('the database refused');
    this.name = 'DatabaseRefused';
    this.code = code;
  }
}

function answer(status: number, body: object, headers: Record<string, string> = {}): Response {
  return Response.json(body, { status, headers: { 'Cache-Control': 'no-store', ...headers } });
}
