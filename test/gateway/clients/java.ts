import { fileURLToPath } from 'node:url';
import { type Client, isOnPath, run } from './client.ts';

const program = fileURLToPath(new URL('./Read.java', import.meta.url));

export const java: Client = {
  name: 'Java’s HttpClient',
  // running a program from its source needs a compiler
  installed: isOnPath('javac'),
  secured: [],
  read: (proxy, site, folder, { file }) =>
    run(
      'java',
      [
        // by default Java sends no Basic credentials in a CONNECT
        '-Djdk.http.auth.tunneling.disabledSchemes=',
        '-XX:TieredStopAtLevel=1',
        program,
        proxy,
        site,
        file,
      ],
      folder,
    ),
};
