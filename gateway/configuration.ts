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
  /** How late usage may be, in ms: open tunnels are reported, and events sent, every half of it. */
  flushMs: number;
  logLevel: (typeof logLevels)[number];
}

/** What the core reads: the part that a gateway has once, whatever its number of workers. */
export interface CoreConfiguration extends CommonConfiguration {
  databaseUrl: string;
  /** How many connections to the database may be open at once, in total. */
  databaseConnections: number;
  spoolDirectory: string;
  /** How long recorded events stay there, to be sent again after a restore of the database, in ms. */
  spoolKeepMs: number;
  redisUrl: string | undefined;
}

/** What each process that serves clients reads. */
export interface TrafficConfiguration extends CommonConfiguration {
  host: string;
  port: number;
  /** The TLS port on the same host, and its certificate files; undefined without TLS. */
  tls: { port: number; certificateFile: string; keyFile: string } | undefined;
  /** The addresses of load balancers that send the PROXY protocol's header. */
  proxyProtocolFrom: ClientRanges;
  /** How long a tunnel may be idle, in ms. */
  idleMs: number;
  /** How many connections one address may have open before they prove a key. */
  unprovenPerAddress: number;
  /** The gateway's name in `Via` headers of what it forwards; undefined for no `Via`. */
  via: string | undefined;
  allowedTargets: AllowedTarget[];
  /** Name servers to ask instead of the system's, each with an optional port. */
  dnsServers: string[] | undefined;
}

export interface GatewayConfiguration extends CoreConfiguration, TrafficConfiguration {
  metricsHost: string;
  metricsPort: number;
  /** How long a shutdown waits for open tunnels, in ms. */
  drainMs: number;
  /** How long the gateway is not ready, but still serves, before a shutdown starts, in ms. */
  lameDuckMs: number;
  /** How many processes serve clients; with 1, the gateway's own process does. */
  workers: number;
}

/** The environment is incomplete or invalid; the message has one line per variable. */
export class ConfigurationError extends Error {}

/**
 * Reads a gateway's environment. An empty variable counts as unset. Throws `ConfigurationError`
 * with the name of every variable that is wrong, but never its value: some hold passwords.
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
  throw new ConfigurationError(
    `The gateway's environment is incomplete or invalid:\n${lines.join('\n')}`,
  );
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
