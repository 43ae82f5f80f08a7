import { fileURLToPath } from 'node:url';
import { type Client, isOnPath, run } from './client.ts';

const program = fileURLToPath(new URL('./read.go', import.meta.url));

/** The last run: two at once would compile the same packages. */
let earlier: Promise<unknown> = Promise.resolve();

export const go: Client = {
  name: 'Go’s net/http',
  installed: isOnPath('go'),
  secured: ['plain', 'TLS'],
  read(proxy, site, folder, { file }) {
    const read = () =>
      run(
        'go',
        // the standard library is compiled once, and faster without optimization
        ['run', '-gcflags=all=-N -l', program, proxy, site, file],
        folder,
        { ...process.env, CGO_ENABLED: '0', GOFLAGS: '', GOTOOLCHAIN: 'local' },
      );
    const result = earlier.then(read, read);
    earlier = result;
    return result;
  },
};
