import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { body } from './body.ts';
import { type Client, isOnPath, run } from './client.ts';

const name = 'package-with-a-body';
const version = '1.0.0';

export const npm: Client = {
  name: 'npm',
  installed: isOnPath('npm'),
  secured: ['plain', 'TLS'],
  async site(folder) {
    await mkdir(join(folder, 'package'));
    await writeFile(join(folder, 'package', 'package.json'), JSON.stringify({ name, version }));
    await writeFile(join(folder, 'package', 'body'), body);
    const archive = join(folder, 'package.tgz');
    await run('tar', ['-czf', archive, 'package'], folder);
    const content = await readFile(archive);
    return (request, response) => {
      const origin = `${'encrypted' in request.socket ? 'https' : 'http'}://${request.headers.host}`;
      if (request.url === '/package.tgz') return void response.end(content);
      const dist = { tarball: `${origin}/package.tgz` };
      response.statusCode = request.url === `/${name}` ? 200 : 404;
      response.setHeader('Content-Type', 'application/json');
      response.end(
        JSON.stringify({
          name,
          'dist-tags': { latest: version },
          versions: { [version]: { name, version, dist } },
        }),
      );
    };
  },
  async read(proxy, site, folder, { file }) {
    const settings = {
      registry: `${site}/`,
      proxy,
      'https-proxy': proxy,
      cafile: file,
      cache: join(folder, 'cache'),
      audit: 'false',
      fund: 'false',
      'update-notifier': 'false',
    };
    const flags = Object.entries(settings).map(([key, value]) => `--${key}=${value}`);
    await run('npm', ['install', name, ...flags], folder);
    return readFile(join(folder, 'node_modules', name, 'body'), 'utf8');
  },
};
