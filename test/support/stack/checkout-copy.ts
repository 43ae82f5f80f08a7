import {
  cpSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { freePort } from '../../../scripts/stack/ports.ts';
import { projectRoot } from '../../../scripts/stack/project-root.ts';

/** A copy of this checkout with its own kept stack. */
export interface CheckoutCopy {
  folder: string;
  /** The folder of its kept stack. */
  state: string;
  apiPort: number;
  databasePort: number;
  gatewayPort: number;
  metricsPort: number;
}

const copied = [
  'dashboard',
  'gateway',
  'package-lock.json',
  'package.json',
  'scripts',
  'supabase',
  'tsconfig.json',
];

/** Copies this checkout into `parent`, under a name with a space, with its own free ports. */
export async function copyCheckout(parent: string): Promise<CheckoutCopy> {
  const folder = join(parent, 'a checkout');
  mkdirSync(folder);
  for (const name of copied) {
    cpSync(join(projectRoot, name), join(folder, name), {
      recursive: true,
      filter: (path) => !['.temp', '.branches', 'dist'].includes(basename(path)),
    });
  }
  symlinkSync(join(projectRoot, 'node_modules'), join(folder, 'node_modules'));

  const ports = {
    apiPort: await freePort(),
    databasePort: await freePort(),
    gatewayPort: await freePort(),
    metricsPort: await freePort(),
  };
  replace(join(folder, 'supabase/config.toml'), [
    [portOf('api'), `$1${ports.apiPort}`],
    [portOf('db'), `$1${ports.databasePort}`],
  ]);
  replace(join(folder, 'scripts/stack/gateway.ts'), [
    [/connect: \d+/, `connect: ${ports.gatewayPort}`],
    [/metrics: \d+/, `metrics: ${ports.metricsPort}`],
  ]);
  return { folder, state: join(folder, '.stack'), ...ports };
}

/**
 * Gives a copy its own packages: real copies of those that match `copied`, which then find their
 * neighbors in this folder; links to the others; none that match `missing`.
 */
export function replacePackages(
  checkout: CheckoutCopy,
  { missing, copied }: { missing?: RegExp; copied?: RegExp },
): void {
  const from = join(projectRoot, 'node_modules');
  const to = join(checkout.folder, 'node_modules');
  if (!lstatSync(to).isSymbolicLink()) {
    // all packages are copies already
    for (const name of packageNames(to)) {
      if (missing?.test(name)) rmSync(join(to, name), { recursive: true });
    }
    return;
  }
  rmSync(to);
  for (const name of packageNames(from)) {
    if (missing?.test(name)) continue;
    mkdirSync(dirname(join(to, name)), { recursive: true });
    if (copied?.test(name)) {
      const original = realpathSync(join(from, name));
      cpSync(original, join(to, name), { recursive: true, verbatimSymlinks: true });
    } else {
      symlinkSync(join(from, name), join(to, name));
    }
  }
}

function packageNames(folder: string): string[] {
  return readdirSync(folder).flatMap((name) =>
    name.startsWith('@') ? readdirSync(join(folder, name)).map((each) => `${name}/${each}`) : name,
  );
}

/** The line in config.toml that sets the port of a table. */
function portOf(table: string): RegExp {
  return new RegExp(`^(\\[${table}\\]$[^[]*^port = )\\d+$`, 'm');
}

function replace(file: string, changes: [RegExp, string][]): void {
  let text = readFileSync(file, 'utf8');
  for (const [what, by] of changes) {
    if (!what.test(text)) throw new Error(`${file} has no ${what}`);
    text = text.replace(what, by);
  }
  writeFileSync(file, text);
}
