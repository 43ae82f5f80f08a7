import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Client, run } from './client.ts';

const modules = ['urllib', 'requests', 'httpx', 'aiohttp'];
const secured: Record<string, Client['secured']> = {
  requests: ['plain', 'TLS'],
  // Debian's is older than TLS within TLS
  httpx: ['plain'],
};

// Debian's packages are for its own Python, which need not be the first on the PATH
const interpreters = ['/usr/bin/python3', 'python3'].map((program) => ({
  program,
  modules: modulesOf(program),
}));

/** One client for each module, with the program in `<module>.py`. */
export const python: Client[] = modules.map((module) => {
  const interpreter = interpreters.find((one) => one.modules.includes(module));
  return {
    name: `Python’s ${module}`,
    installed: interpreter !== undefined,
    secured: secured[module] ?? [],
    read(proxy, site, folder, { file }) {
      const script = fileURLToPath(new URL(`./read_with_${module}.py`, import.meta.url));
      const args = [script, proxy, site, file];
      return run(interpreter?.program ?? 'python3', args, folder);
    },
  };
});

function modulesOf(program: string): string[] {
  const script = `
import importlib.util, sys
print(*[name for name in sys.argv[1:] if importlib.util.find_spec(name)])`;
  const { stdout } = spawnSync(program, ['-c', script, ...modules], { encoding: 'utf8' });
  return stdout?.trim().split(' ') ?? [];
}
