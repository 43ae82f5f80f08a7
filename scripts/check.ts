import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join, relative } from 'node:path';
import { promisify } from 'node:util';
import {
  clientTypesFile,
  describeApi,
  generateClientTypes,
  lintDescription,
} from './api-description.ts';
import { generateTypes, typesFile } from './database-types.ts';
import { generateRefusals, refusalsFile, refusalsPage } from './refusals.ts';
import { locateDeno } from './stack/functions.ts';
import { projectRoot } from './stack/project-root.ts';
import { withDatabase } from './stack/with-database.ts';

/** One thing that must hold; throws with what is wrong. `remedy` is what to do then. */
interface Check {
  name: string;
  remedy: string;
  run(): Promise<void>;
}

const functionsFolder = join(projectRoot, 'supabase/functions');
const functions = readdirSync(functionsFolder).filter((name) =>
  existsSync(join(functionsFolder, name, 'deno.json')),
);

const checks: Check[] = [
  {
    name: 'format and lint',
    remedy: 'Run `npm run format`; correct by hand what it cannot.',
    run: () => command('biome', ['check', '--error-on-warnings', '.']),
  },
  {
    name: 'types under Node',
    remedy: 'Correct the types.',
    run: () => command('tsc', ['-p', '.']),
  },
  {
    name: 'types of the dashboard',
    remedy: 'Correct the types.',
    run: () => command('tsc', ['-p', 'dashboard']),
  },
  ...functions.map((name) => ({
    name: `types under Deno: function ${name}`,
    remedy: 'Correct the types; each import needs its line in the function’s deno.json.',
    run: () =>
      command(locateDeno(), [
        'check',
        '--quiet',
        '--node-modules-dir=manual',
        `--config=supabase/functions/${name}/deno.json`,
        `supabase/functions/${name}/index.ts`,
      ]),
  })),
  {
    name: 'versions in deno.json',
    remedy: 'Pin the same version in package.json and in each function’s deno.json.',
    run: async () => requireSameVersions(),
  },
  {
    name: 'the API description is sound',
    remedy: 'Correct the route that it names.',
    run: requireSoundDescription,
  },
  {
    name: 'api.types.ts is current',
    remedy: 'Run `npm run types` and commit what it writes.',
    run: requireCurrentClientTypes,
  },
  {
    name: 'what comes from the database is current',
    remedy: 'Run `npm run types` and commit what it writes.',
    run: requireCurrentFiles,
  },
];

for (const check of checks) {
  const begun = performance.now();
  try {
    await check.run();
  } catch (error) {
    console.error(`failed  ${check.name}\n\n${describe(error)}\n\n${check.remedy}`);
    process.exit(1);
  }
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.error(`ok      ${check.name.padEnd(36)} ${seconds.padStart(5)} s`);
}

async function command(file: string, args: string[]): Promise<void> {
  const bin = join(projectRoot, 'node_modules', '.bin');
  await promisify(execFile)(file, args, {
    cwd: projectRoot,
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
    maxBuffer: 16 * 1024 * 1024,
  });
}

function requireSameVersions(): void {
  const { dependencies } = readJson(join(projectRoot, 'package.json')) as {
    dependencies: Record<string, string>;
  };
  for (const name of functions) {
    const { imports } = readJson(join(functionsFolder, name, 'deno.json')) as {
      imports: Record<string, string>;
    };
    for (const specifier of Object.values(imports)) {
      const [, pkg = '', version] = /^npm:((?:@[^/]+\/)?[^@/]+)@([^/]+)/.exec(specifier) ?? [];
      if (dependencies[pkg] === version) continue;
      throw new Error(
        `${name}/deno.json pins ${specifier}; package.json has ${pkg} ${dependencies[pkg]}`,
      );
    }
  }
}

async function requireSoundDescription(): Promise<void> {
  const problems = await lintDescription(await describeApi());
  if (problems.length > 0) throw new Error(problems.join('\n'));
}

async function requireCurrentClientTypes(): Promise<void> {
  const current = await generateClientTypes(await describeApi());
  if (current === readFileSync(clientTypesFile, 'utf8')) return;
  throw new Error('The committed types are not those of the routes.');
}

async function requireCurrentFiles(): Promise<void> {
  const current = await withDatabase(async (dbUrl) => {
    const { code, page } = await generateRefusals(dbUrl);
    return { [typesFile]: await generateTypes(dbUrl), [refusalsFile]: code, [refusalsPage]: page };
  });
  for (const [file, text] of Object.entries(current)) {
    if (text !== readFileSync(file, 'utf8')) {
      throw new Error(`${relative(projectRoot, file)} is not what the migrations make it.`);
    }
  }
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function describe(error: unknown): string {
  const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
  return `${stdout}${stderr}`.trim() || (error instanceof Error ? error.message : String(error));
}
