import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { pino } from 'pino';
import { inject } from 'vitest';
import type { GatewayConfiguration } from '../../../gateway/configuration.ts';
import { type Gateway, type GatewayOptions, startGateway } from '../../../gateway/gateway.ts';
import { parseAllowedTargets } from '../../../gateway/targets/allowed-targets.ts';
import { readMetric } from './read-metric.ts';

const stack = inject('stack');
const loopbackTargets = parseAllowedTargets('127.0.0.0/8,::1');

/** A gateway in this process, with its own spool, that may reach loopback targets. */
export interface GatewayFixture extends Gateway {
  port: number;
  /** The TLS port; 0 if TLS is off. */
  tlsPort: number;
  spoolDirectory: string;
  /** Every line of its log. */
  logged: string[];
  /** The value of one metric, summed over its labels that match. */
  metric(name: string, labels?: Record<string, string>): Promise<number>;
}

export async function startTestGateway(
  settings: Partial<GatewayConfiguration> &
    Partial<Omit<GatewayOptions, 'log'>> & { keepSpool?: boolean } = {},
): Promise<GatewayFixture> {
  const {
    now,
    hostNow,
    firstRequestMs,
    longestLingerMs,
    connectTimeoutMs,
    descriptorLimit,
    lastRequestsMs,
    lookEveryMs,
    keepSpool,
    ...configuration
  } = settings;
  const folder = mkdtempSync(join(tmpdir(), 'gateway-test-'));
  const spoolDirectory = configuration.spoolDirectory ?? join(folder, 'spool');
  const logged: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => logged.push(line) });
  const gateway = await startGateway(
    {
      databaseUrl: stack.gatewayDbUrl,
      databaseConnections: 10,
      host: '127.0.0.1',
      port: 0,
      tls: undefined,
      proxyProtocolFrom: [],
      metricsHost: '127.0.0.1',
      metricsPort: 0,
      nodeId: 'test-node',
      flushMs: 200,
      drainMs: 1_000,
      lameDuckMs: 0,
      idleMs: 60_000,
      unprovenPerAddress: 1_000,
      via: undefined,
      allowedTargets: loopbackTargets,
      dnsServers: undefined,
      redisUrl: undefined,
      spoolKeepMs: 0,
      logLevel: 'trace',
      workers: 1,
      ...configuration,
      spoolDirectory,
    },
    {
      log,
      refusalWindowMs: 300,
      ...(descriptorLimit && { descriptorLimit }),
      ...(lastRequestsMs !== undefined && { lastRequestsMs }),
      ...(lookEveryMs && { lookEveryMs }),
      ...(now && { now }),
      ...(hostNow && { hostNow }),
      ...(firstRequestMs && { firstRequestMs }),
      ...(longestLingerMs && { longestLingerMs }),
      ...(connectTimeoutMs && { connectTimeoutMs }),
    },
  );
  return {
    ...gateway,
    port: Number(new URL(gateway.url).port),
    tlsPort: gateway.tlsUrl === undefined ? 0 : Number(new URL(gateway.tlsUrl).port),
    spoolDirectory,
    logged,
    metric: (name, labels) => readMetric(gateway.operationsUrl, name, labels),
    async stop(hurry) {
      await gateway.stop(hurry);
      if (!keepSpool) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The gateway's answer to raw bytes. */
export interface RawAnswer {
  status: number;
  headers: Record<string, string>;
  /** The bytes after the headers, until `until` bytes or the end. */
  body: string;
  /** The connection, if it stays open: after a 200 to a CONNECT. */
  socket: Socket;
}

/** How a client connects: the gateway's address, its own address, and whether over TLS. */
export interface ClientPlace {
  host?: string;
  localAddress?: string;
  tls?: ConnectionOptions;
  /** Whether the client may keep sending after the gateway ends its side; by default it may not. */
  allowHalfOpen?: boolean;
}

/** Connects to a gateway; over TLS, any certificate is accepted. */
export function connectTo(port: number, { tls, ...place }: ClientPlace = {}): Socket {
  const carrier = connect({ port, host: '127.0.0.1', ...place });
  carrier.on('error', () => {});
  if (!tls) return carrier;
  const socket = connectTls({ rejectUnauthorized: false, ...tls, socket: carrier });
  socket.on('error', () => {});
  return socket;
}

/** Sends bytes to a gateway; reads the head of the answer, and its body unless it is a tunnel. */
export async function sendRaw(
  port: number,
  bytes: string | Uint8Array,
  place: ClientPlace = {},
): Promise<RawAnswer> {
  const socket = connectTo(port, { ...place });
  socket.write(bytes);
  let received = Buffer.alloc(0);
  const head = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf('\r\n\r\n');
      if (end === -1) return;
      socket.off('data', read);
      socket.pause();
      const rest = received.subarray(end + 4);
      if (rest.length > 0) socket.unshift(rest);
      resolve(received.subarray(0, end).toString('latin1'));
    };
    socket.on('data', read);
    socket.once('close', () => reject(new Error(`closed after ${received.length} bytes`)));
  });
  const [statusLine = '', ...lines] = head.split('\r\n');
  const status = Number(statusLine.split(' ')[1]);
  const headers = Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  );
  const body = status === 200 ? '' : await readToEnd(socket);
  return { status, headers, body, socket };
}

/** Reads a socket to its end. */
export async function readToEnd(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('latin1');
}

/** A plain request for a URL, with a key's `keyId:secret` or without credentials. */
export function plainRequest(url: string, basicAuth?: string): string {
  const [, ...headers] = connectRequest(new URL(url).host, basicAuth).split('\r\n');
  return [`GET ${url} HTTP/1.1`, ...headers].join('\r\n');
}

/** A CONNECT with a key's `keyId:secret` or without credentials. */
export function connectRequest(target: string, basicAuth?: string): string {
  const header =
    basicAuth === undefined
      ? ''
      : `Proxy-Authorization: Basic ${Buffer.from(basicAuth).toString('base64')}\r\n`;
  return `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${header}\r\n`;
}
