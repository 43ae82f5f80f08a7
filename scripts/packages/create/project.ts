import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'smol-toml';

/** The parts of a Supabase project's folder that an installation needs. Paths are relative to the folder. */
export interface Project {
  folder: string;
  configText: string;
  /** The functions in `supabase/config.toml`. */
  configuredFunctions: string[];
  /** File names in `supabase/migrations`. */
  migrations: string[];
}

/** A name in the project that conflicts with one of ours, and its file. */
export interface Clash {
  file: string;
  name: string;
}

/** A problem to fix before anything can be installed. */
export class InstallRefused extends Error {}

/** Reads a project. Throws `InstallRefused` if `supabase init` was not run, or config.toml is not valid TOML. */
export function readProject(folder: string): Project {
  const file = join(folder, 'supabase/config.toml');
  if (!existsSync(file)) {
    throw new InstallRefused(
      `${folder} has no supabase/config.toml.\nRun \`npx supabase init\` there, then run this command again.`,
    );
  }
  const configText = readFileSync(file, 'utf8');
  return {
    folder,
    configText,
    configuredFunctions: Object.keys(readFunctions(configText)),
    migrations: list(join(folder, 'supabase/migrations')).filter((name) =>
      /^\d+_.*\.sql$/.test(name),
    ),
  };
}

function readFunctions(configText: string): object {
  try {
    const { functions = {} } = parse(configText) as { functions?: object };
    return functions;
  } catch (error) {
    throw new InstallRefused(`supabase/config.toml cannot be parsed: ${(error as Error).message}`);
  }
}

/** Schemas and roles that the migration creates. */
const ours = ['proxy_private', 'gateway', 'proxy_gateway'];

/**
 * Finds statements in the project's SQL that create schemas or roles with our names, except in our
 * migrations: `ownMigrations` are their names without the version.
 */
export function findClashes({ folder }: Project, ownMigrations: string[]): Clash[] {
  const clashes: Clash[] = [];
  for (const place of ['supabase/migrations', 'supabase/schemas', 'supabase']) {
    for (const name of list(join(folder, place))) {
      if (!name.endsWith('.sql') || ownMigrations.includes(name.replace(/^\d+_/, ''))) continue;
      const text = readFileSync(join(folder, place, name), 'utf8');
      const made = /\bcreate\s+(?:schema|role|user)\s+(?:if\s+not\s+exists\s+)?"?(\w+)"?/gi;
      for (const [, found = ''] of text.matchAll(made)) {
        if (ours.includes(found.toLowerCase()))
          clashes.push({ file: `${place}/${name}`, name: found });
      }
    }
  }
  return clashes;
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}
