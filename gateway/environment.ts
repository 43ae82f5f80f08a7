import { isIP, isIPv6 } from 'node:net';
import { availableParallelism, hostname } from 'node:os';
import { z } from 'zod';
import { commands } from './commands.ts';
import {
  defaultConnections,
  fewestConnections,
  mostConnections,
} from './database/connection-room.ts';
import { findDatabaseUrlFault } from './database/database-url.ts';
import { parseProxyRanges } from './listeners/proxy-ranges.ts';
import { parseAllowedTargets } from './targets/allowed-targets.ts';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** One process, which keeps keys and limits, could not serve more. */
const mostWorkers = 64;

/** The longest delay of a Node timer, in ms. */
const longestMs = 2_147_483_647;

const whole = (words: string) =>
  z
    .string()
    .regex(/^\d{1,15}$/, words)
    .transform(Number);
const port = whole('must be a port').refine((number) => number <= 65_535, 'must be a port');
const milliseconds = ({ from = 0, to = longestMs, why = '' }) =>
  whole('must be a number of milliseconds').refine(
    (number) => number >= from && number <= to,
    `must be from ${from} to ${to}${why}`,
  );
const url = (form: RegExp, words: string) =>
  z.string(words).refine((text) => form.test(text) && URL.canParse(text), {
    message: words,
    abort: true,
  });

/** An address, or one with a port: 10.0.0.2, 10.0.0.2:5353, 2001:db8::2, [2001:db8::2]:53. */
const isNameServer = (text: string): boolean => {
  const [, ipv6, other = text, port = 53] =
    /^(?:\[(.*)\]|([\d.]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = ipv6 === undefined ? isIP(other) > 0 : isIPv6(ipv6);
  return address && Number(port) >= 1 && Number(port) <= 65_535;
};

/** What each process that serves clients reads. */
const allTrafficVariables = z.object({
  GATEWAY_HOST: z.string().default('127.0.0.1'),
  GATEWAY_PORT: port.default(7777),
  GATEWAY_TLS_PORT: port.optional(),
  GATEWAY_TLS_CERT_FILE: z.string().optional(),
  GATEWAY_TLS_KEY_FILE: z.string().optional(),
  GATEWAY_PROXY_PROTOCOL_FROM: z
    .string()
    .default('')
    .transform((text, context) => {
      try {
        return parseProxyRanges(text);
      } catch {
        context.addIssue('must be addresses or CIDRs, separated by commas');
        return z.NEVER;
      }
    }),
  GATEWAY_NODE_ID: z
    .string()
    .regex(/^[\x21-\x7e]{1,100}$/, 'must have 1 to 100 printable characters')
    .default(() => hostname().slice(0, 100)),
  GATEWAY_FLUSH_MS: milliseconds({
    from: 100,
    to: 60_000,
    why: ': usage may be at most 60 s late',
  }).default(10_000),
  GATEWAY_IDLE_MS: milliseconds({ from: 1_000 }).default(600_000),
  GATEWAY_UNPROVEN_PER_ADDRESS: whole('must be a number of connections')
    .refine((number) => number >= 1, 'must be at least 1')
    .default(256),
  GATEWAY_VIA: z
    .string()
    .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/, 'must be a name of 1 to 100 characters')
    .optional(),
  GATEWAY_ALLOW_TARGETS: z
    .string()
    .default('')
    .transform((text, context) => {
      try {
        return parseAllowedTargets(text);
      } catch {
        context.addIssue(
          'must be addresses or CIDRs, each with an optional port, separated by commas',
        );
        return z.NEVER;
      }
    }),
  GATEWAY_DNS_SERVERS: z
    .string()
    .transform((text) =>
      text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    )
    .refine(
      (items) => items.length > 0 && items.every(isNameServer),
      'must be addresses, each with an optional port, separated by commas',
    )
    .optional(),
  GATEWAY_LOG_LEVEL: z.enum(logLevels).default('info'),
});

/** What the gateway reads once, in addition. */
const allGatewayVariables = allTrafficVariables.extend({
  GATEWAY_DATABASE_URL: url(
    /^postgres(ql)?:\/\//,
    `must be the postgresql:// URL that \`${commands.login} create\` prints, a direct or session-mode connection`,
  ).superRefine((text, context) => {
    const fault = findDatabaseUrlFault(text);
    if (fault !== null) context.addIssue(fault);
  }),
  GATEWAY_DATABASE_CONNECTIONS: whole('must be a number of connections')
    .refine(
      (number) => number >= fewestConnections && number <= mostConnections,
      `must be from ${fewestConnections} to ${mostConnections}`,
    )
    .default(defaultConnections),
  GATEWAY_METRICS_HOST: z.string().default('127.0.0.1'),
  GATEWAY_METRICS_PORT: port.default(9777),
  GATEWAY_SPOOL_DIR: z.string('must be a folder that only this gateway uses'),
  GATEWAY_SPOOL_KEEP_HOURS: whole('must be a number of hours')
    .refine((hours) => hours <= 168, 'must be from 0 to 168')
    .default(0),
  GATEWAY_DRAIN_MS: milliseconds({}).default(30_000),
  GATEWAY_LAME_DUCK_MS: milliseconds({ to: 3_600_000 }).default(0),
  REDIS_URL: url(/^rediss?:\/\//, 'must be a redis:// or rediss:// URL').optional(),
  GATEWAY_WORKERS: z
    .union([z.literal('auto'), whole('').pipe(z.number().min(1).max(mostWorkers))], {
      error: `must be a number of processes from 1 to ${mostWorkers}, or auto`,
    })
    .default(1)
    .transform((workers) => (workers === 'auto' ? availableParallelism() : workers)),
});

export type TrafficVariables = z.output<typeof allTrafficVariables>;

const tlsVariables = ['GATEWAY_TLS_PORT', 'GATEWAY_TLS_CERT_FILE', 'GATEWAY_TLS_KEY_FILE'] as const;

function checkTls(data: TrafficVariables, context: z.RefinementCtx): void {
  const missing = tlsVariables.filter((name) => data[name] === undefined);
  if (missing.length === tlsVariables.length) return;
  for (const name of missing) {
    const message = 'must be set: TLS needs a port, a certificate file and a key file';
    context.addIssue({ code: 'custom', path: [name], message });
  }
  if (data.GATEWAY_TLS_PORT === data.GATEWAY_PORT && data.GATEWAY_PORT !== 0) {
    const message = 'must not be GATEWAY_PORT, which takes clear text';
    context.addIssue({ code: 'custom', path: ['GATEWAY_TLS_PORT'], message });
  }
}

/** The variables of a worker. */
export const trafficVariables = allTrafficVariables.superRefine(checkTls);
/** The variables of a gateway. */
export const gatewayVariables = allGatewayVariables.superRefine(checkTls);
