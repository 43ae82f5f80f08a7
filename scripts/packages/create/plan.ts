import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Project } from './project.ts';

/** The folder that our functions share: the project may have its own `_shared`. */
export const sharedFolder = '_proxy_keys';

/** The functions by their original names. */
export const functionNames = ['api', 'admin', 'deliver'] as const;
export type FunctionName = (typeof functionNames)[number];

/** A file to write, relative to the project's folder. */
export interface PlannedFile {
  path: string;
  content: Buffer;
  /** Whether the project has the file with different content. */
  replaces: boolean;
}

/** What an installation writes. Files that are already up to date are left out. */
export interface Plan {
  files: PlannedFile[];
  /** The text to append to `supabase/config.toml`; may be empty. */
  config: string;
  /** The names under which the functions are deployed. */
  names: Record<FunctionName, string>;
}

/**
 * Plans an installation from the package's `template` folder. A function whose name is taken in the project
 * gets the prefix `proxy-`. `now`: the earliest version of a new migration.
 */
export function planInstallation(project: Project, template: string, now: Date): Plan {
  const names = Object.fromEntries(
    functionNames.map((name) => [name, isTaken(project, name) ? `proxy-${name}` : name]),
  ) as Plan['names'];
  const contents = new Map<string, Buffer>();
  for (const [name, file] of nameMigrations(project, template, now)) {
    contents.set(`supabase/migrations/${name}`, readFileSync(file));
  }
  addFolder(
    contents,
    join(template, 'functions', sharedFolder),
    `supabase/functions/${sharedFolder}`,
  );
  for (const name of functionNames) {
    addFolder(contents, join(template, 'functions', name), `supabase/functions/${names[name]}`);
  }
  addFolder(contents, join(template, 'page'), 'proxy-keys-page');
  const files = [...contents].flatMap(([path, content]): PlannedFile[] => {
    const file = join(project.folder, path);
    if (!existsSync(file)) return [{ path, content, replaces: false }];
    return readFileSync(file).equals(content) ? [] : [{ path, content, replaces: true }];
  });
  return { files, names, config: missingSections(project, Object.values(names)) };
}

/** Whether the project has its own function of this name. */
function isTaken({ folder, configuredFunctions }: Project, name: FunctionName): boolean {
  const index = join(folder, 'supabase/functions', name, 'index.ts');
  if (!existsSync(index)) return configuredFunctions.includes(name);
  const text = readFileSync(index, 'utf8');
  // each of our functions contains one of these
  return !text.includes(`/${sharedFolder}/`) && !text.includes('createDeliver');
}

/** Our migrations by the names that they get in the project: installed ones keep theirs. */
function nameMigrations(
  { migrations }: Project,
  template: string,
  now: Date,
): [name: string, file: string][] {
  let last = Number(/^\d+/.exec(migrations.at(-1) ?? '0')?.[0]);
  const earliest = Number(now.toISOString().replace(/\D/g, '').slice(0, 14));
  return listOwnMigrations(template).map(({ slug, file }) => {
    const installed = migrations.find((name) => name.replace(/^\d+_/, '') === slug);
    if (installed) return [installed, file];
    last = Math.max(earliest, last + 1);
    return [`${last}_${slug}`, file];
  });
}

/** Our migrations in the package, in order; `slug` is the end of the name that they get. */
export function listOwnMigrations(template: string): { slug: string; file: string }[] {
  const folder = join(template, 'migrations');
  return readdirSync(folder)
    .sort()
    .map((name) => ({
      slug: name.replace(/^\d+_/, 'proxy_keys_'),
      file: join(folder, name),
    }));
}

function addFolder(contents: Map<string, Buffer>, from: string, to: string): void {
  for (const name of readdirSync(from, { recursive: true }).map(String).sort()) {
    const file = join(from, name);
    if (statSync(file).isFile())
      contents.set(`${to}/${name.replaceAll('\\', '/')}`, readFileSync(file));
  }
}

function missingSections({ configuredFunctions }: Project, names: string[]): string {
  const missing = names.filter((name) => !configuredFunctions.includes(name));
  if (missing.length === 0) return '';
  const sections = missing.map(
    (name) => `[functions.${name}]
enabled = true
verify_jwt = false
import_map = "./functions/${name}/deno.json"
entrypoint = "./functions/${name}/index.ts"
`,
  );
  return `\n# Proxy Keys. The functions check tokens themselves and respond with problem documents.\n${sections.join('\n')}`;
}
