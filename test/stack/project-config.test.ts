import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, it, onTestFinished } from 'vitest';
import { projectRoot } from '../../scripts/stack/project-root.ts';
import { supabaseCli } from '../../scripts/stack/supabase-cli.ts';

const { dbUrl } = inject('stack');

/** Copies `supabase/` without functions, with a seed and with a change to its config.toml. */
function copyProject(change: (config: string) => string): string {
  const folder = mkdtempSync(join(tmpdir(), 'project-config-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const copy = join(folder, 'supabase');
  for (const part of ['config.toml', 'migrations']) {
    cpSync(join(projectRoot, 'supabase', part), join(copy, part), { recursive: true });
  }
  writeFileSync(join(copy, 'seed.sql'), 'select 1;');
  const file = join(copy, 'config.toml');
  writeFileSync(file, change(readFileSync(file, 'utf8')));
  return folder;
}

interface Push {
  code: number;
  warnings: string[];
  /** The whole output. */
  said: string;
  /** The seeds that would run. */
  seeds: unknown;
}

/** Runs a dry push of the real CLI: it reads all of config.toml, and needs no Docker. */
function dryPush(change: (config: string) => string): Promise<Push> {
  const { command, args, env } = supabaseCli([
    ...['db', 'push', '--dry-run', '--include-seed', '--output-format=json', `--remote=${dbUrl}`],
  ]);
  return new Promise((resolve) => {
    execFile(command, args, { cwd: copyProject(change), env }, (error, stdout, stderr) => {
      const answer = (error ? {} : JSON.parse(stdout)) as { seeds?: unknown };
      const warnings = stderr.split('\n').filter((line) => /warn/i.test(line));
      resolve({
        code: Number(error?.code ?? 0),
        warnings,
        said: stdout + stderr,
        seeds: answer.seeds,
      });
    });
  });
}

it('the CLI accepts every key and value in config.toml, and would run no seed', async () => {
  const { code, warnings, seeds } = await dryPush((config) => config);
  expect({ code, warnings, seeds }).toEqual({ code: 0, warnings: [], seeds: [] });
});

it('the CLI would report an unknown key, and run a seed that config.toml names', async () => {
  const { warnings, seeds } = await dryPush((config) =>
    config
      .replace('verify_jwt', 'verify_token')
      .replace('enabled = false\n# `db push', 'enabled = true\n# `db push')
      .replace('sql_paths = []', 'sql_paths = ["./seed.sql"]'),
  );
  expect(warnings.join()).toContain('functions.api.verify_token');
  expect(seeds).toHaveLength(1);
});

it('the CLI would refuse a value of another type', async () => {
  const { code, said } = await dryPush((config) =>
    config.replace('jwt_expiry = ', 'jwt_expiry = -'),
  );
  expect(code).not.toBe(0);
  expect(said).toContain('auth.jwt_expiry');
});
