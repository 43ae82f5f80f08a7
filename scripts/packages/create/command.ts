#!/usr/bin/env node
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { listOwnMigrations, type Plan, planInstallation } from './plan.ts';
import { findClashes, InstallRefused, readProject } from './project.ts';

const usage = `npm create proxy-keys -- [<folder>] [--yes] [--dry-run]
    adds Proxy Keys to the Supabase project in a folder, by default the current one: a migration, three
    functions with their settings, and the page. It asks before it replaces any of the project's files.

--yes       replaces files of an earlier installation without asking
--dry-run   lists what would be written, and writes nothing`;

try {
  process.exitCode = await create();
} catch (error) {
  process.exitCode = 1;
  const code = String((error as { code?: unknown }).code);
  if (error instanceof InstallRefused) console.error(`${error.message}\nNothing was written.`);
  else if (code.startsWith('ERR_PARSE_ARGS'))
    console.error(`${(error as Error).message}\n${usage}`);
  else throw error;
}

async function create(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      yes: { type: 'boolean' },
      'dry-run': { type: 'boolean' },
      help: { type: 'boolean' },
    },
    allowPositionals: true,
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const project = readProject(resolve(positionals[0] ?? '.'));
  const template = fileURLToPath(new URL('template', import.meta.url));
  const clashes = findClashes(
    project,
    listOwnMigrations(template).map(({ slug }) => slug),
  );
  if (clashes.length > 0) {
    const found = clashes.map(({ file, name }) => `  ${name} in ${file}`).join('\n');
    throw new InstallRefused(
      `The project creates schemas or roles that Proxy Keys also creates:\n${found}\nRename them first.`,
    );
  }
  const plan = planInstallation(project, template, new Date());
  console.log(describe(plan));
  if (values['dry-run']) return 0;
  await askToReplace(plan, values.yes === true);
  for (const { path, content } of plan.files) {
    const file = join(project.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
  if (plan.config) appendFileSync(join(project.folder, 'supabase/config.toml'), plan.config);
  console.log(nextSteps());
  return 0;
}

function describe({ files, config, names }: Plan): string {
  if (files.length === 0 && config === '') return 'Everything is already installed.';
  const folders = Map.groupBy(files, ({ path }) =>
    path.startsWith('supabase/functions')
      ? path.split('/', 3).join('/')
      : dirname(path).split('/assets')[0],
  );
  const lines = [...folders].map(
    ([folder, inside]) => `  ${folder}: ${inside.length} ${inside.length === 1 ? 'file' : 'files'}`,
  );
  if (config) lines.push('  supabase/config.toml: appends the functions’ settings');
  const renamed = Object.entries(names).filter(([name, deployed]) => name !== deployed);
  for (const [name, deployed] of renamed) {
    lines.push(`  The project already has a function ${name}, so this one is named ${deployed}.`);
  }
  return ['Proxy Keys writes:', ...lines].join('\n');
}

async function askToReplace({ files }: Plan, yes: boolean): Promise<void> {
  const replaced = files.filter(({ replaces }) => replaces).map(({ path }) => `  ${path}`);
  if (replaced.length === 0 || yes) return;
  const question = `These files differ from this version's:\n${replaced.join('\n')}`;
  if (!process.stdin.isTTY) {
    throw new InstallRefused(
      `${question}\nRun the command in a terminal, or with --yes to replace them.`,
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`${question}\nReplace them? [y/N] `);
  terminal.close();
  if (!/^y(es)?$/i.test(answer.trim())) {
    throw new InstallRefused('You chose not to replace the files.');
  }
}

function nextSteps(): string {
  return `
Next, in a linked project, run:

  npx supabase db push
  npx supabase functions deploy
  DATABASE_URL="postgresql://postgres:…" npx proxy-keys-gateway login create eu_1

The last command prints the settings of a gateway. The page is in proxy-keys-page: put it on any static host, with
a config.json as described in its README.md.`;
}
