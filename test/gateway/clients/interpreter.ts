import { spawnSync } from 'node:child_process';

// Debian's packages are for Debian's Python, which may not be the first on the PATH
const programs = ['/usr/bin/python3', 'python3'];

/** The first Python that has a module; undefined if none has it. */
export function interpreterWith(module: string): string | undefined {
  const script = 'import importlib.util, sys; sys.exit(not importlib.util.find_spec(sys.argv[1]))';
  return programs.find((program) => spawnSync(program, ['-c', script, module]).status === 0);
}
