import { type ChildProcess, spawn } from 'node:child_process';
import { Console } from 'node:console';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { onTestFinished } from 'vitest';
import { projectRoot } from '../../scripts/stack/project-root.ts';

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A running operator command. */
export interface CommandRun {
  child: ChildProcess;
  /** Its output so far. */
  words: { stdout: string; stderr: string };
  ended: Promise<Ended>;
}

type Command = (
  args: string[],
  url: string,
  console: Pick<Console, 'log' | 'error'>,
) => Promise<number>;

/** Runs a script as `npm run` does, in its own process. */
export function startCommand(
  script: string,
  args: string[],
  url: string,
  nodeOptions: string[] = [],
): CommandRun {
  const child = spawn(process.execPath, [...nodeOptions, script, ...args], {
    cwd: projectRoot,
    env: { ...process.env, DATABASE_URL: url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const words = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      words[name] += text;
    });
  }
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...words }));
  return { child, words, ended };
}

/** Does the same within this process, in a tenth of the time. */
export async function callCommand(command: Command, args: string[], url: string): Promise<Ended> {
  const words = { stdout: '', stderr: '' };
  const into = (name: keyof typeof words) =>
    new Writable({
      write(chunk, _, done) {
        words[name] += chunk;
        done();
      },
    });
  const code = await command(args, url, new Console(into('stdout'), into('stderr')));
  return { code, ...words };
}
