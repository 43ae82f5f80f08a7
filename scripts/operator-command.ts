import { StackError } from './stack/stack-error.ts';

/** Runs an operator's command, prints its error if any, and returns its exit code. */
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
