import { fileURLToPath } from 'node:url';
import { certificateFile } from '../../support/gateway/targets.ts';
import { type Client, isOnPath, run } from './client.ts';

const program = fileURLToPath(new URL('./Read.java', import.meta.url));

export const java: Client = {
  name: 'Java’s HttpClient',
  // a program is run from its source with a compiler alone
  installed: isOnPath('javac'),
  read: (proxy, site, folder) =>
    run(
      'java',
      [
        // by default it sends no Basic credentials in a CONNECT
        '-Djdk.http.auth.tunneling.disabledSchemes=',
        '-XX:TieredStopAtLevel=1',
        program,
        proxy,
        site,
        certificateFile,
      ],
      folder,
    ),
};
