import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join, relative } from 'node:path';
import {
  clientTypesFile,
  describeApi,
  generateClientTypes,
  lintDescription,
} from './api-description.ts';
import { generateTypes, typesFile } from './database-types.ts';
import { generateGrafana, grafanaFile } from './ops/grafana.ts';
import { generateRefusals, refusalsFile, refusalsPage } from './refusals.ts';
import { locateDeno } from './stack/programs.ts';
import { projectRoot } from './stack/project-root.ts';
import { withDatabase } from './stack/with-database.ts';

const functionsFolder = join(projectRoot, 'supabase/functions');
const functions = readdirSync(functionsFolder).filter((name) =>
  existsSync(join(functionsFolder, name, 'deno.json')),
);

/** The checks; each throws on failure. */
const checks: [name: string, check: () => unknown][] = [
  ['format and lint (`npm run format`)', () => run('biome', 'check', '--error-on-warnings', '.')],
  [
    'spelling and banned words (cspell.json)',
    () => run('cspell', 'lint', '--no-progress', '--no-summary'),
  ],
  ['no unused files, exports or packages', () => run('knip')],
  ['types under Node', () => run('tsc', '-p', '.')],
  ['types of the dashboard', () => run('tsc', '-p', 'dashboard')],
  ...functions.map((name): [string, () => unknown] => [
    `types under Deno: function ${name}`,
    () => checkUnderDeno(`supabase/functions/${name}`),
  ]),
  ['versions in deno.json', requireSameVersions],
  ['the API description is valid', requireSoundDescription],
  ['api.types.ts is current (`npm run types`)', requireCurrentClientTypes],
  ['proxy-keys.json is current (`npm run grafana`)', requireCurrentGrafana],
  ["the database's types and refusals are current (`npm run types`)", requireCurrentFiles],
];

const widest = Math.max(...checks.map(([name]) => name.length));
for (const [name, check] of checks) {
  const startedAt = performance.now();
  try {
    await check();
  } catch (error) {
    console.error(`failed  ${name}\n\n${(error as Error).message}`);
    process.exit(1);
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.error(`ok      ${name.padEnd(widest)} ${seconds.padStart(5)} s`);
}

/** Runs a program from npm or our own, which prints its own errors. */
function run(program: string, ...args: string[]): void {
  const bin = join(projectRoot, 'node_modules', '.bin');
  execFileSync(program, args, {
    cwd: projectRoot,
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

function checkUnderDeno(folder: string): void {
  const options = ['--quiet', '--node-modules-dir=manual', `--config=${folder}/deno.json`];
  run(locateDeno(), 'check', ...options, `${folder}/index.ts`);
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
  throw new Error(
    'client/api.types.ts differs from the routes: run `npm run types` and commit the result.',
  );
}

function requireCurrentGrafana(): void {
  if (generateGrafana() === readFileSync(grafanaFile, 'utf8')) return;
  throw new Error(
    'ops/grafana/proxy-keys.json differs from scripts/ops: run `npm run grafana` and commit the result.',
  );
}

async function requireCurrentFiles(): Promise<void> {
  const current = await withDatabase(async (dbUrl) => {
    const { code, page } = await generateRefusals(dbUrl);
    return { [typesFile]: await generateTypes(dbUrl), [refusalsFile]: code, [refusalsPage]: page };
  });
  for (const [file, text] of Object.entries(current)) {
    if (text !== readFileSync(file, 'utf8')) {
      throw new Error(
        `${relative(projectRoot, file)} differs from the migrations: run \`npm run types\` and commit the result.`,
      );
    }
  }
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}
