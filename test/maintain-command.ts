import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';
import { projectRoot } from '../scripts/stack/project-root.ts';

/** A running maintenance. */
export interface MaintenanceRun {
  child: ChildProcess;
  words: { stdout: string; stderr: string };
  /** The exit code and the table, a row as its cells. */
  ended: Promise<{ code: number | null; rows: string[][] }>;
}

/** `npm run maintain`, without npm. */
export function startMaintenance(url: string, args: string[] = []): MaintenanceRun {
  const child = spawn(process.execPath, ['scripts/maintain.ts', ...args], {
    cwd: projectRoot,
    env: { ...process.env, DATABASE_URL: url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const words = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    words.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    words.stderr += text;
  });
  const ended = once(child, 'close').then(([code]) => ({
    code: code as number | null,
    rows: words.stdout
      .split('\n')
      .slice(1, -1)
      .map((line) => line.split(/ {2,}/)),
  }));
  return { child, words, ended };
}

/** Runs it to its end. */
export async function runMaintenance(url: string, args: string[] = []) {
  const run = startMaintenance(url, args);
  const { code, rows } = await run.ended;
  return { code, rows, ...run.words };
}
