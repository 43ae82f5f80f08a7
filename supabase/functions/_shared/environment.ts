import { resolveEnv } from '@supabase/server/core';
import { createAuthenticate } from './authentication.ts';
import { connectDatabase } from './database.ts';
import type { Dependencies } from './service.ts';

/** A function's production dependencies, built from the platform's environment variables. */
export function dependenciesFromEnvironment(): Dependencies {
  const { data: env, error } = resolveEnv();
  if (error) throw error;
  const publishableKey = env.publishableKeys.default ?? Object.values(env.publishableKeys)[0];
  if (!publishableKey) throw new Error('SUPABASE_PUBLISHABLE_KEYS contains no key');
  return {
    authenticate: createAuthenticate(env),
    callDatabase: connectDatabase(env.url, publishableKey),
    logFailure: (failure) => console.error(JSON.stringify({ level: 'error', ...failure })),
  };
}
