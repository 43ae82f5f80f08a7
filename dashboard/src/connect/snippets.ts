import type { Client, Connection } from './client.ts';
import type { GatewayAddress } from './gateway-address.ts';
import { go } from './languages/go.ts';
import { playwright, puppeteer, undici } from './languages/node.ts';
import { httpx, requests, scrapy } from './languages/python.ts';
import { curl, environment } from './languages/shell.ts';

/** The clients with snippets, in the order of their tabs. */
export const clients = {
  curl,
  environment,
  requests,
  httpx,
  undici,
  playwright,
  puppeteer,
  scrapy,
  go,
} satisfies Record<string, Client>;

/** The name of one of the clients. */
export type ClientId = keyof typeof clients;

/** All client IDs, in order. */
export const clientIds = Object.keys(clients) as ClientId[];

/** Whether a text is a client ID. */
export function isClientId(text: unknown): text is ClientId {
  return typeof text === 'string' && Object.hasOwn(clients, text);
}

/** The gateway, the key, and its secret if it may be shown. */
export interface SnippetOf {
  gateway: GatewayAddress;
  keyId: string;
  /** Without one, the snippet reads `PROXY_SECRET` from the environment. */
  secret?: string;
}

/** Code to copy, and a note on how to run it. */
export interface Snippet {
  text: string;
  note: string;
}

/** The snippet for a client; undefined if the client cannot use any port of the gateway. */
export function snippetFor(id: ClientId, of: SnippetOf): Snippet | undefined {
  const client: Client = clients[id];
  const connection = connectionOf(client, of);
  if (!connection) return undefined;
  return { text: client.write(connection), note: noteOf(client, connection, of.gateway) };
}

function noteOf(client: Client, { secure }: Connection, { httpsPort }: GatewayAddress): string {
  if (secure) return [client.note, client.tlsNote].filter(Boolean).join(' ');
  if (httpsPort === undefined) return client.note;
  return `${client.note} ${client.name} does not support TLS to a proxy, so this uses the HTTP port.`;
}

/** Uses TLS if both sides support it: in clear text, the secret could be read on the way. */
function connectionOf(client: Client, { gateway, ...key }: SnippetOf): Connection | undefined {
  const { host, httpPort, httpsPort } = gateway;
  if (client.tls && httpsPort !== undefined) return { ...key, host, port: httpsPort, secure: true };
  if (httpPort !== undefined) return { ...key, host, port: httpPort, secure: false };
  return undefined;
}
