import { type Client, isOnPath, run } from './client.ts';

export const wget: Client = {
  name: 'wget',
  installed: isOnPath('wget'),
  secured: [],
  read: (proxy, site, folder, { file }) =>
    run(
      'wget',
      ['--quiet', '--tries=1', `--ca-certificate=${file}`, '--output-document=-', site],
      folder,
      { http_proxy: proxy, https_proxy: proxy },
    ),
};
