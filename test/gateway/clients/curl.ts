import { type Client, isOnPath, run } from './client.ts';

export const curl: Client = {
  name: 'curl',
  installed: isOnPath('curl'),
  secured: ['plain', 'TLS'],
  read: (proxy, site, folder, { file }) =>
    run(
      'curl',
      [
        ...['--silent', '--show-error', '--fail', '--cacert', file, '--proxy-cacert', file],
        ...['-x', proxy, site],
      ],
      folder,
    ),
};
