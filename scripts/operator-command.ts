import { StackError } from './stack/stack-error.ts';

/** Does a command of an operator's; returns its exit code, having said what is wrong. */
export async function runCommand(
  command: () => Promise<number>,
  usage: string,
  { error: say }: Pick<Console, 'error'>,
): Promise<number> {
  try {
    return await command();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (error instanceof StackError) say(`${error.message}\n${error.remedy}`);
    else if (code.startsWith('ERR_PARSE_ARGS')) say(`${(error as Error).message}\n${usage}`);
    else say(error);
    return 1;
  }
}
