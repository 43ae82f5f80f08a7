#!/usr/bin/env node
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ownMigration, type Plan, planInstallation } from './plan.ts';
import { findClashes, InstallRefused, readProject } from './project.ts';

const usage = `npm create proxy-keys -- [<folder>] [--yes] [--dry-run]
    puts Proxy Keys into the Supabase project of a folder, this one by default: a migration, three
    functions with their settings, and the page. Nothing of the project is replaced without a question.

--yes       replaces files of an earlier installation without a question
--dry-run   says what would be written, and writes nothing`;

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
  const clashes = findClashes(project, ownMigration);
  if (clashes.length > 0) {
    const found = clashes.map(({ file, name }) => `  ${name} in ${file}`).join('\n');
    throw new InstallRefused(
      `The project makes schemas or roles that Proxy Keys makes too:\n${found}\nRename them first.`,
    );
  }
  const template = fileURLToPath(new URL('template', import.meta.url));
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
  if (files.length === 0 && config === '') return 'All of it is there already.';
  const folders = Map.groupBy(files, ({ path }) =>
    path.startsWith('supabase/functions')
      ? path.split('/', 3).join('/')
      : dirname(path).split('/assets')[0],
  );
  const lines = [...folders].map(
    ([folder, inside]) => `  ${folder}: ${inside.length} ${inside.length === 1 ? 'file' : 'files'}`,
  );
  if (config) lines.push('  supabase/config.toml: the functions’ settings, at its end');
  const renamed = Object.entries(names).filter(([name, deployed]) => name !== deployed);
  for (const [name, deployed] of renamed) {
    lines.push(`  The project has a function ${name}, so ours is ${deployed}.`);
  }
  return ['Proxy Keys writes:', ...lines].join('\n');
}

async function askToReplace({ files }: Plan, yes: boolean): Promise<void> {
  const replaced = files.filter(({ replaces }) => replaces).map(({ path }) => `  ${path}`);
  if (replaced.length === 0 || yes) return;
  const question = `These files differ from those of this version:\n${replaced.join('\n')}`;
  if (!process.stdin.isTTY) {
    throw new InstallRefused(`${question}\nRun it in a terminal, or with --yes to replace them.`);
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`${question}\nReplace them? [y/N] `);
  terminal.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new InstallRefused('They were not to be replaced.');
}

function nextSteps(): string {
  return `
Next, in a project that is linked:

  npx supabase db push
  npx supabase functions deploy
  DATABASE_URL="postgresql://postgres:…" npx proxy-keys-gateway login create eu_1

The last one prints what a gateway needs. The page is in proxy-keys-page: put it on any static host, with a
config.json as its README.md says.`;
}
