import type { z } from 'zod';
import {
  gatewayVariables,
  type logLevels,
  type TrafficVariables,
  trafficVariables,
} from './environment.ts';
import type { ClientRanges } from './keys/client-ranges.ts';
import type { AllowedTarget } from './targets/allowed-targets.ts';

interface CommonConfiguration {
  nodeId: string;
  /** How late usage may be, in ms: running tunnels are reported, and events sent, each half of it. */
  flushMs: number;
  logLevel: (typeof logLevels)[number];
}

/** What the part of a gateway reads that it has once. */
export interface CoreConfiguration extends CommonConfiguration {
  databaseUrl: string;
  /** Connections to the database that may be open at once, altogether. */
  databaseConnections: number;
  spoolDirectory: string;
  /** How long recorded events stay there, to be sent again after a restore of the database, in ms. */
  spoolKeepMs: number;
  redisUrl: string | undefined;
}

/** What each process reads that serves clients. */
export interface TrafficConfiguration extends CommonConfiguration {
  host: string;
  port: number;
  /** The port for TLS, at the same host, and the files of its certificate; undefined for none. */
  tls: { port: number; certificateFile: string; keyFile: string } | undefined;
  /** Where the load balancers are that send headers of the PROXY protocol. */
  proxyProtocolFrom: ClientRanges;
  /** How long a tunnel may move nothing, in ms. */
  idleMs: number;
  /** Connections of one address that may be open before they have proved a key. */
  unprovenPerAddress: number;
  /** How the gateway is named in `Via` of what it forwards; undefined for not at all. */
  via: string | undefined;
  allowedTargets: AllowedTarget[];
  /** Name servers to ask in place of the system's, each with a port or not. */
  dnsServers: string[] | undefined;
}

export interface GatewayConfiguration extends CoreConfiguration, TrafficConfiguration {
  metricsHost: string;
  metricsPort: number;
  /** How long a stop waits for open tunnels, in ms. */
  drainMs: number;
  /** How long a stop is not ready before it begins, and serves all the same, in ms. */
  lameDuckMs: number;
  /** Processes that serve clients; with 1 it is the gateway's own. */
  workers: number;
}

/** The environment does not say what a gateway needs; the message has one line per variable. */
export class ConfigurationError extends Error {}

/**
 * Reads a gateway's environment. An empty variable counts as none. Throws `ConfigurationError` with
 * every variable that is wrong, and never with its value: some hold passwords.
 */
export function readConfiguration(environment: NodeJS.ProcessEnv): GatewayConfiguration {
  const data = read(gatewayVariables, environment);
  return {
    ...trafficOf(data),
    databaseUrl: data.GATEWAY_DATABASE_URL,
    databaseConnections: data.GATEWAY_DATABASE_CONNECTIONS,
    metricsHost: data.GATEWAY_METRICS_HOST,
    metricsPort: data.GATEWAY_METRICS_PORT,
    spoolDirectory: data.GATEWAY_SPOOL_DIR,
    spoolKeepMs: data.GATEWAY_SPOOL_KEEP_HOURS * 3_600_000,
    drainMs: data.GATEWAY_DRAIN_MS,
    lameDuckMs: data.GATEWAY_LAME_DUCK_MS,
    redisUrl: data.REDIS_URL,
    workers: data.GATEWAY_WORKERS,
  };
}

/** Reads a worker's environment, which names no database. Throws as `readConfiguration` does. */
export function readTrafficConfiguration(environment: NodeJS.ProcessEnv): TrafficConfiguration {
  return trafficOf(read(trafficVariables, environment));
}

function read<Schema extends z.ZodType>(
  schema: Schema,
  environment: NodeJS.ProcessEnv,
): z.infer<Schema> {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const { success, data, error } = schema.safeParse(given);
  if (success) return data;
  const lines = error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
  throw new ConfigurationError(`The gateway's environment is not complete:\n${lines.join('\n')}`);
}

function trafficOf(data: TrafficVariables): TrafficConfiguration {
  return {
    host: data.GATEWAY_HOST,
    port: data.GATEWAY_PORT,
    tls: tlsOf(data),
    proxyProtocolFrom: data.GATEWAY_PROXY_PROTOCOL_FROM,
    nodeId: data.GATEWAY_NODE_ID,
    flushMs: data.GATEWAY_FLUSH_MS,
    idleMs: data.GATEWAY_IDLE_MS,
    unprovenPerAddress: data.GATEWAY_UNPROVEN_PER_ADDRESS,
    via: data.GATEWAY_VIA,
    allowedTargets: data.GATEWAY_ALLOW_TARGETS,
    dnsServers: data.GATEWAY_DNS_SERVERS,
    logLevel: data.GATEWAY_LOG_LEVEL,
  };
}

function tlsOf(data: TrafficVariables): TrafficConfiguration['tls'] {
  const port = data.GATEWAY_TLS_PORT;
  const certificateFile = data.GATEWAY_TLS_CERT_FILE;
  const keyFile = data.GATEWAY_TLS_KEY_FILE;
  if (port === undefined || certificateFile === undefined || keyFile === undefined) return;
  return { port, certificateFile, keyFile };
}
