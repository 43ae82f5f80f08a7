import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'smol-toml';

/** A Supabase project's folder, as far as an installation looks at it. Paths are relative to it. */
export interface Project {
  folder: string;
  configText: string;
  /** The functions that `supabase/config.toml` names. */
  configuredFunctions: string[];
  /** Names of `supabase/migrations`. */
  migrations: string[];
}

/** What the project has that ours would clash with: where, and what. */
export interface Clash {
  file: string;
  name: string;
}

/** Something to correct before anything can be installed. */
export class InstallRefused extends Error {}

/** Reads a project. Throws `InstallRefused` where `supabase init` did not run, or config.toml is not TOML. */
export function readProject(folder: string): Project {
  const file = join(folder, 'supabase/config.toml');
  if (!existsSync(file)) {
    throw new InstallRefused(
      `${folder} has no supabase/config.toml.\nRun \`npx supabase init\` there, then this again.`,
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
    throw new InstallRefused(`supabase/config.toml cannot be read: ${(error as Error).message}`);
  }
}

/** Schemas and roles that the migration makes. */
const ours = ['proxy_private', 'gateway', 'proxy_gateway'];

/** Finds what makes schemas or roles of our names in the project's SQL, apart from our own migration. */
export function findClashes({ folder }: Project, ownMigration: RegExp): Clash[] {
  const clashes: Clash[] = [];
  for (const place of ['supabase/migrations', 'supabase/schemas', 'supabase']) {
    for (const name of list(join(folder, place))) {
      if (!name.endsWith('.sql') || ownMigration.test(name)) continue;
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
