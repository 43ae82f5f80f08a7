import type { Client, Connection } from './client.ts';
import type { GatewayAddress } from './gateway-address.ts';
import { go } from './languages/go.ts';
import { playwright, puppeteer, undici } from './languages/node.ts';
import { httpx, requests, scrapy } from './languages/python.ts';
import { curl, environment } from './languages/shell.ts';

/** The clients that there are snippets for, in the order of their tabs. */
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

/** All of them, in order. */
export const clientIds = Object.keys(clients) as ClientId[];

/** Whether a text names a client. */
export function isClientId(text: unknown): text is ClientId {
  return typeof text === 'string' && Object.hasOwn(clients, text);
}

/** What a snippet is for: a gateway, a key, and its secret where that may be shown. */
export interface SnippetOf {
  gateway: GatewayAddress;
  keyId: string;
  /** Without one, the snippet reads `PROXY_SECRET` from the environment. */
  secret?: string;
}

/** A program to copy, and what to know before it is run. */
export interface Snippet {
  text: string;
  note: string;
}

/** The snippet of a client; undefined where the client cannot reach any port of the gateway. */
export function snippetFor(id: ClientId, of: SnippetOf): Snippet | undefined {
  const client: Client = clients[id];
  const connection = connectionOf(client, of);
  if (!connection) return undefined;
  return { text: client.write(connection), note: noteOf(client, connection, of.gateway) };
}

function noteOf(client: Client, { secure }: Connection, { httpsPort }: GatewayAddress): string {
  if (secure) return [client.note, client.tlsNote].filter(Boolean).join(' ');
  if (httpsPort === undefined) return client.note;
  return `${client.note} ${client.name} has no TLS to a proxy, so this uses the HTTP port.`;
}

/** TLS where both sides have it: in clear text the secret could be read on the way. */
function connectionOf(client: Client, { gateway, ...key }: SnippetOf): Connection | undefined {
  const { host, httpPort, httpsPort } = gateway;
  if (client.tls && httpsPort !== undefined) return { ...key, host, port: httpsPort, secure: true };
  if (httpPort !== undefined) return { ...key, host, port: httpPort, secure: false };
  return undefined;
}
