import { fileURLToPath } from 'node:url';
import { type Client, run } from './client.ts';
import { interpreterWith } from './interpreter.ts';

const modules = ['urllib', 'requests', 'httpx', 'aiohttp'];
const secured: Record<string, Client['secured']> = {
  requests: ['plain', 'TLS'],
  // Debian's version has no TLS within TLS
  httpx: ['plain'],
};

/** One client for each module, with the program in `<module>.py`. */
export const python: Client[] = modules.map((module) => {
  const interpreter = interpreterWith(module);
  return {
    name: `Python’s ${module}`,
    installed: interpreter !== undefined,
    secured: secured[module] ?? [],
    read(proxy, site, folder, { file }) {
      const script = fileURLToPath(new URL(`./read_with_${module}.py`, import.meta.url));
      const args = [script, proxy, site, file];
      return run(interpreter ?? 'python3', args, folder);
    },
  };
});
