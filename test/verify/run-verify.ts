import { verify } from '../../scripts/verify/verify.ts';
import { callCommand } from '../support/operator-command.ts';

/** The output of `npm run verify`, line by line. */
export interface Verified {
  code: number | null;
  /** All output, with stderr. */
  output: string;
  /** The text of each failed check, by its name. */
  wrong: Record<string, string>;
  /** The names of the checks that passed. */
  fine: string[];
}

/** Runs `npm run verify` within this process. */
export async function runVerify(
  project: { url: string; publishableKey: string; token: string },
  env: NodeJS.ProcessEnv = {},
): Promise<Verified> {
  const { url, publishableKey, token } = project;
  const ended = await callCommand(
    (args, _, console) => verify(args, env, console),
    ['--url', url, '--publishable-key', publishableKey, '--token', token],
    '',
  );
  return readVerified(ended);
}

const line =
  /^(ok|WRONG|-) +(project|clock|signing keys|token|schemas|migrations|functions|strangers|a key|gateway) {2,}(.*)$/;

/** Parses the lines of a run. */
export function readVerified(ended: {
  code: number | null;
  stdout: string;
  stderr: string;
}): Verified {
  const wrong: Record<string, string> = {};
  const fine: string[] = [];
  for (const each of ended.stdout.split('\n')) {
    const [, mark, name = '', text = ''] = line.exec(each) ?? [];
    if (mark === 'WRONG') wrong[name] = text;
    if (mark === 'ok') fine.push(name);
  }
  return { code: ended.code, output: ended.stdout + ended.stderr, wrong, fine };
}
