import { locateDeno } from './functions.ts';
import { installedPostgres } from './postgres-binaries.ts';
import { locatePostgrest } from './postgrest.ts';
import { supabaseCli } from './supabase-cli.ts';

/** Fails with what to do when npm has not installed one of the stack's programs. */
export function requirePrograms(): void {
  installedPostgres();
  locatePostgrest();
  locateDeno();
  supabaseCli([]);
}
