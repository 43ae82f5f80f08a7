import { type Client, exampleUrl, proxyUrl } from '../client.ts';

/** curl. */
export const curl: Client = {
  name: 'curl',
  note: 'In a terminal.',
  tls: true,
  write: (connection) =>
    `curl -x "${proxyUrl(connection, connection.secret ?? '$PROXY_SECRET')}" ${exampleUrl}`,
};

/** The variables that most programs read, curl, wget, Python and Go among them. */
export const environment: Client = {
  name: 'Environment',
  note: 'In a shell. Most programs that are started from it then use the proxy.',
  tlsNote: 'wget and Java have no TLS to a proxy: give them http:// and the HTTP port.',
  tls: true,
  write: (connection) =>
    [
      `export http_proxy="${proxyUrl(connection, connection.secret ?? '$PROXY_SECRET')}"`,
      'export https_proxy="$http_proxy"',
      'export HTTP_PROXY="$http_proxy" HTTPS_PROXY="$http_proxy"',
    ].join('\n'),
};
