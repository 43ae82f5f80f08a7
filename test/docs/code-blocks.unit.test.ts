import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readAllBlocks, readBlock } from '../../scripts/docs/fenced-blocks.ts';
import { projectRoot } from '../../scripts/stack/project-root.ts';
import { withoutHaproxy } from '../gateway/restarts/haproxy.ts';

const blocks = readAllBlocks();
const inLanguage = (...languages: string[]) =>
  blocks.filter(({ language }) => languages.includes(language));

/** The blocks of programs that another test runs. */
const programs: [page: string, language: string, text: string, test: string][] = [
  ['docs/alerts.md', 'js', 'standardwebhooks', 'test/deliver/documented-receivers.test.ts'],
  ['docs/alerts.md', 'python', 'hmac', 'test/deliver/documented-receivers.test.ts'],
  ['docs/alerts.md', 'ts', 'Deno.serve', 'test/deliver/documented-receivers.test.ts'],
];
it('no block is in a language without a check', () => {
  const known = [
    '',
    'sh',
    'json',
    'http',
    'ts',
    'js',
    'python',
    'sql',
    'haproxy',
    'yaml',
    'html',
    'mermaid',
  ];
  expect(blocks.filter(({ language }) => !known.includes(language))).toEqual([]);
});

it.each(programs)('%s: the %s block with %s is run by a test', (page, language, text, test) => {
  expect(readBlock(page, language, text)).not.toBe('');
  expect(readFileSync(join(projectRoot, test), 'utf8')).toContain(page);
});

it('another test runs each program', () => {
  const others = inLanguage('js', 'python').filter(
    ({ page, language, code }) =>
      !programs.some(([p, l, text]) => p === page && l === language && code.includes(text)),
  );
  expect(others).toEqual([]);
});

it.each(inLanguage('json', 'http'))('$page: JSON: $firstLine', ({ code }) => {
  expect(() => JSON.parse(code.slice(code.indexOf('{')))).not.toThrow();
});

it('TypeScript compiles', () => {
  const folder = join(projectRoot, 'node_modules/.cache', `code-blocks-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  try {
    const sources = inLanguage('ts').filter(({ code }) => !code.includes('Deno.'));
    expect(sources).not.toEqual([]);
    const files = sources.map(({ code }, index) => {
      const names = ['accessToken', 'publishableKey'].filter((name) => code.includes(name));
      const head = names.map((name) => `declare const ${name}: string;\n`).join('');
      const file = join(folder, `${index}.ts`);
      writeFileSync(file, head + code.replaceAll("'./client/", `'${projectRoot}/client/`));
      return file;
    });
    const config = join(folder, 'tsconfig.json');
    writeFileSync(
      config,
      JSON.stringify({
        extends: join(projectRoot, 'tsconfig.json'),
        compilerOptions: { noUnusedLocals: false },
        files,
        include: [],
      }),
    );
    const { stdout, status } = spawnSync(
      join(projectRoot, 'node_modules/.bin/tsc'),
      ['-p', config],
      {
        encoding: 'utf8',
      },
    );
    expect(stdout).toBe('');
    expect(status).toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe.each(inLanguage('sh'))('$page: the commands: $firstLine', ({ code }) => {
  it('are sound for bash', () => {
    const { stderr, status } = spawnSync('bash', ['-n'], {
      input: code.replaceAll(/<[\w ]+>/g, 'placeholder'),
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});

it.skipIf(withoutHaproxy).each(inLanguage('haproxy'))(
  '$page: HAProxy accepts the configuration: $firstLine',
  ({ code }) => {
    const folder = mkdtempSync(join(tmpdir(), 'haproxy-'));
    const file = join(folder, 'haproxy.cfg');
    writeFileSync(file, code);
    const { stderr, status } = spawnSync('haproxy', ['-c', '-f', file], { encoding: 'utf8' });
    rmSync(folder, { recursive: true });
    expect(stderr).not.toMatch(/ALERT|WARNING/);
    expect(status).toBe(0);
  },
);

/** What our own commands print about their options. */
const usageOf = (command: string): string => {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    command === 'gateway' ? ['gateway/main.ts', '--help'] : [`scripts/${command}.ts`, '--help'],
    { cwd: projectRoot, encoding: 'utf8', env: { PATH: process.env.PATH ?? delimiter } },
  );
  return stdout + stderr;
};

const commands = new Map<string, Set<string>>();
for (const { code } of blocks) {
  for (const [, name = '', options = ''] of code.matchAll(
    /npm run (?:--silent )?([\w-]+) -- (.*)/g,
  )) {
    const flags = options.match(/(?<= |^)--[\w-]+/g) ?? [];
    commands.set(name, new Set([...(commands.get(name) ?? []), ...flags]));
  }
}

it.each([...commands])('`npm run %s` has the options that pages give it', (name, flags) => {
  const usage = usageOf(name);
  for (const flag of flags) expect(usage).toContain(flag);
});

it('the variables of the gateway exist', () => {
  const known = readFileSync(join(projectRoot, 'gateway/environment.ts'), 'utf8');
  const named = blocks.flatMap(({ code }) => code.match(/\bGATEWAY_[A-Z_]+(?==|, value)/g) ?? []);
  expect(named).not.toEqual([]);
  for (const name of new Set(named)) expect(known).toContain(name);
});
