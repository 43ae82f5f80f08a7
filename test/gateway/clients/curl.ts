import { certificateFile } from '../../support/gateway/targets.ts';
import { type Client, isOnPath, run } from './client.ts';

export const curl: Client = {
  name: 'curl',
  installed: isOnPath('curl'),
  read: (proxy, site, folder) =>
    run(
      'curl',
      ['--silent', '--show-error', '--fail', '--cacert', certificateFile, '-x', proxy, site],
      folder,
    ),
};
