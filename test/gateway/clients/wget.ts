import { certificateFile } from '../../support/gateway/targets.ts';
import { type Client, isOnPath, run } from './client.ts';

export const wget: Client = {
  name: 'wget',
  installed: isOnPath('wget'),
  read: (proxy, site, folder) =>
    run(
      'wget',
      ['--quiet', '--tries=1', `--ca-certificate=${certificateFile}`, '--output-document=-', site],
      folder,
      { http_proxy: proxy, https_proxy: proxy },
    ),
};
