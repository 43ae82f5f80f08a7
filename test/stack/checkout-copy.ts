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
import { freePort } from '../../scripts/stack/ports.ts';
import { projectRoot } from '../../scripts/stack/project-root.ts';

/** A copy of this checkout whose kept stack meets nobody else's. */
export interface CheckoutCopy {
  folder: string;
  /** The folder of its kept stack. */
  state: string;
  apiPort: number;
  databasePort: number;
}

/** Copies this checkout into `parent`, under a name with a space, with free ports of its own. */
export async function copyCheckout(parent: string): Promise<CheckoutCopy> {
  const folder = join(parent, 'a checkout');
  mkdirSync(folder);
  for (const name of ['package.json', 'scripts', 'supabase']) {
    cpSync(join(projectRoot, name), join(folder, name), {
      recursive: true,
      filter: (path) => !['.temp', '.branches'].includes(basename(path)),
    });
  }
  symlinkSync(join(projectRoot, 'node_modules'), join(folder, 'node_modules'));

  const config = join(folder, 'supabase/config.toml');
  const [apiPort, databasePort] = [await freePort(), await freePort()];
  const text = readFileSync(config, 'utf8');
  writeFileSync(config, setPort(setPort(text, 'api', apiPort), 'db', databasePort));
  return { folder, state: join(folder, '.stack'), apiPort, databasePort };
}

/**
 * Gives a copy packages of its own in place of this checkout's: a real copy of those that `copied`
 * names, which then find their neighbours here; links to the others; nothing of `missing`.
 */
export function replacePackages(
  checkout: CheckoutCopy,
  { missing, copied }: { missing?: RegExp; copied?: RegExp },
): void {
  const from = join(projectRoot, 'node_modules');
  const to = join(checkout.folder, 'node_modules');
  if (!lstatSync(to).isSymbolicLink()) {
    // all are copies already
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

function setPort(config: string, table: string, port: number): string {
  const line = new RegExp(`^(\\[${table}\\]$[^[]*^port = )\\d+$`, 'm');
  if (!line.test(config)) throw new Error(`config.toml sets no port in [${table}]`);
  return config.replace(line, `$1${port}`);
}
