import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { body } from './body.ts';
import { type Client, isOnPath, run } from './client.ts';

export const git: Client = {
  name: 'git',
  installed: isOnPath('git'),
  secured: ['plain', 'TLS'],
  methods: ['GET', 'POST'],
  async site(folder) {
    const repository = join(folder, 'repository');
    await mkdir(repository);
    await writeFile(join(repository, 'body'), body);
    const git = (...args: string[]) => run('git', ['-C', repository, ...args], folder);
    await git('init', '--quiet');
    await git('add', 'body');
    const author = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com'];
    await git(...author, 'commit', '--quiet', '--message=body');
    return (request, response) => void answer(folder, request, response);
  },
  async read(proxy, site, folder, { file }) {
    const clone = join(folder, 'clone');
    const trusted = ['sslCAInfo', 'proxySSLCAInfo'].flatMap((name) => [
      '-c',
      `http.${name}=${file}`,
    ]);
    const settings = ['-c', `http.proxy=${proxy}`, ...trusted];
    await run('git', [...settings, 'clone', '--quiet', `${site}/repository/.git`, clone], folder);
    return readFile(join(clone, 'body'), 'utf8');
  },
};

/** Answers with git's own repository server, over CGI. */
async function answer(
  folder: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, search } = new URL(request.url ?? '', 'http://localhost');
  const { headers, method = '' } = request;
  const server = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env.PATH ?? '',
      HOME: folder,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      REQUEST_METHOD: method,
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      CONTENT_TYPE: headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: headers['content-encoding'] ?? '',
      GIT_PROTOCOL: `${headers['git-protocol'] ?? ''}`,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  request.pipe(server.stdin);
  const chunks: Buffer[] = [];
  server.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(server, 'close');
  const answered = Buffer.concat(chunks);
  const end = answered.indexOf('\r\n\r\n');
  for (const line of answered.toString('latin1', 0, end).split('\r\n')) {
    const [name = '', value = ''] = line.split(': ');
    if (name === 'Status') response.statusCode = Number(value.split(' ')[0]);
    else response.setHeader(name, value);
  }
  response.end(answered.subarray(end + 4));
}
