import { type Client, exampleUrl, proxyUrl } from '../client.ts';

/** curl. */
export const curl: Client = {
  name: 'curl',
  note: 'Run it in a terminal.',
  tls: true,
  write: (connection) =>
    `curl -x "${proxyUrl(connection, connection.secret ?? '$PROXY_SECRET')}" ${exampleUrl}`,
};

/** The variables that most programs read, including curl, wget, Python and Go. */
export const environment: Client = {
  name: 'Environment',
  note: 'Run it in a shell. Most programs that you start there then use the proxy.',
  tlsNote: 'wget and Java do not support TLS to a proxy: use http:// and the HTTP port for them.',
  tls: true,
  write: (connection) =>
    [
      `export http_proxy="${proxyUrl(connection, connection.secret ?? '$PROXY_SECRET')}"`,
      'export https_proxy="$http_proxy"',
      'export HTTP_PROXY="$http_proxy" HTTPS_PROXY="$http_proxy"',
    ].join('\n'),
};
