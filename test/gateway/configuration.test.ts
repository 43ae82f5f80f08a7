import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ConfigurationError, readConfiguration } from '../../gateway/configuration.ts';

const databaseUrl = 'postgresql://proxy_gateway_eu_1:s3cret@db.example.com:5432/postgres';
const least = { GATEWAY_DATABASE_URL: databaseUrl, GATEWAY_SPOOL_DIR: '/var/spool/gateway' };
const read = (settings: Record<string, string> = {}) =>
  readConfiguration({ ...least, ...settings });

/** The error lines, by variable. */
function complaints(environment: Record<string, string>): Record<string, string> {
  try {
    readConfiguration(environment);
    return {};
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    const [, ...lines] = error.message.split('\n');
    return Object.fromEntries(lines.map((line) => line.trim().split(/: (.*)/s, 2)));
  }
}

it('a variable that is not set has its documented default', () => {
  expect(read()).toEqual({
    databaseUrl,
    databaseConnections: 10,
    host: '127.0.0.1',
    port: 7777,
    tls: undefined,
    proxyProtocolFrom: [],
    metricsHost: '127.0.0.1',
    metricsPort: 9777,
    nodeId: hostname().slice(0, 100),
    spoolDirectory: '/var/spool/gateway',
    spoolKeepMs: 0,
    flushMs: 10_000,
    drainMs: 30_000,
    lameDuckMs: 0,
    idleMs: 600_000,
    unprovenPerAddress: 256,
    via: undefined,
    allowedTargets: [],
    dnsServers: undefined,
    redisUrl: undefined,
    logLevel: 'info',
    workers: 1,
  });
});

it('a variable that is set takes effect', () => {
  const configuration = read({
    GATEWAY_DATABASE_CONNECTIONS: '3',
    GATEWAY_HOST: '::',
    GATEWAY_PORT: '0',
    GATEWAY_TLS_PORT: '7443',
    GATEWAY_TLS_CERT_FILE: '/etc/tls/tls.crt',
    GATEWAY_TLS_KEY_FILE: '/etc/tls/tls.key',
    GATEWAY_PROXY_PROTOCOL_FROM: '10.0.0.0/24, 2001:db8::/64,192.0.2.1',
    GATEWAY_METRICS_HOST: '10.0.0.1',
    GATEWAY_METRICS_PORT: '65535',
    GATEWAY_NODE_ID: 'eu-1',
    GATEWAY_SPOOL_KEEP_HOURS: '168',
    GATEWAY_FLUSH_MS: '60000',
    GATEWAY_DRAIN_MS: '0',
    GATEWAY_LAME_DUCK_MS: '3600000',
    GATEWAY_IDLE_MS: '1000',
    GATEWAY_ALLOW_TARGETS: '127.0.0.0/8:8443, ::1',
    GATEWAY_DNS_SERVERS: '10.0.0.2, 10.0.0.3:5353,2001:db8::2 ,[2001:db8::3]:53',
    GATEWAY_LOG_LEVEL: 'silent',
    REDIS_URL: 'rediss://:s3cret@redis.example.com:6380/1',
  });
  expect(configuration).toMatchObject({
    databaseConnections: 3,
    host: '::',
    port: 0,
    tls: { port: 7_443, certificateFile: '/etc/tls/tls.crt', keyFile: '/etc/tls/tls.key' },
    metricsHost: '10.0.0.1',
    metricsPort: 65_535,
    nodeId: 'eu-1',
    spoolKeepMs: 604_800_000,
    flushMs: 60_000,
    drainMs: 0,
    lameDuckMs: 3_600_000,
    idleMs: 1_000,
    dnsServers: ['10.0.0.2', '10.0.0.3:5353', '2001:db8::2', '[2001:db8::3]:53'],
    logLevel: 'silent',
    redisUrl: 'rediss://:s3cret@redis.example.com:6380/1',
  });
  expect(configuration.proxyProtocolFrom.map(String)).toEqual([
    '10.0.0.0,24',
    '2001:db8::,64',
    '192.0.2.1,32',
  ]);
  expect(configuration.allowedTargets.map(({ port }) => port)).toEqual([8443, null]);
});

const tls = {
  GATEWAY_TLS_PORT: '7443',
  GATEWAY_TLS_CERT_FILE: '/etc/tls/tls.crt',
  GATEWAY_TLS_KEY_FILE: '/etc/tls/tls.key',
};

it.each(Object.keys(tls))('TLS without %s is incomplete', (name) => {
  expect(complaints({ ...least, ...tls, [name]: '' })).toEqual({
    [name]: expect.stringContaining('must be set'),
  });
});

it('TLS needs a different port than clear text', () => {
  const same = { ...least, ...tls, GATEWAY_PORT: '7443' };
  expect(complaints(same)).toEqual({ GATEWAY_TLS_PORT: expect.stringContaining('GATEWAY_PORT') });
  // port 0 is a different free port each time
  expect(read({ ...tls, GATEWAY_PORT: '0', GATEWAY_TLS_PORT: '0' }).tls?.port).toBe(0);
});

it('an empty variable counts as not set', () => {
  const names = [
    'GATEWAY_DATABASE_CONNECTIONS',
    'GATEWAY_HOST',
    'GATEWAY_PORT',
    'GATEWAY_METRICS_HOST',
    'GATEWAY_METRICS_PORT',
    'GATEWAY_NODE_ID',
    'GATEWAY_FLUSH_MS',
    'GATEWAY_DRAIN_MS',
    'GATEWAY_LAME_DUCK_MS',
    'GATEWAY_IDLE_MS',
    'GATEWAY_TLS_PORT',
    'GATEWAY_TLS_CERT_FILE',
    'GATEWAY_TLS_KEY_FILE',
    'GATEWAY_PROXY_PROTOCOL_FROM',
    'GATEWAY_ALLOW_TARGETS',
    'GATEWAY_DNS_SERVERS',
    'GATEWAY_LOG_LEVEL',
    'REDIS_URL',
  ];
  expect(read(Object.fromEntries(names.map((name) => [name, ''])))).toEqual(read());
  expect(Object.keys(complaints({ GATEWAY_DATABASE_URL: '', GATEWAY_SPOOL_DIR: '' }))).toEqual([
    'GATEWAY_DATABASE_URL',
    'GATEWAY_SPOOL_DIR',
  ]);
});

describe('an error names the variable and not its value', () => {
  it.each([
    ['GATEWAY_DATABASE_URL', 'hunter2'],
    ['GATEWAY_DATABASE_URL', 'https://user:hunter2@db.example.com/postgres'],
    ['GATEWAY_DATABASE_URL', 'postgresql//user:hunter2@db.example.com/postgres'],
    ['GATEWAY_DATABASE_URL', 'postgresql://user:hunter2@db.example.com:port/postgres'],
    ['GATEWAY_DATABASE_URL', 'postgresql://user:hunter2@db.example.com/postgres?sslmode=prefer'],
    ['GATEWAY_DATABASE_URL', 'postgresql://user:hunter2@db.example.com/postgres?sslrootcert=/none'],
    ['GATEWAY_DATABASE_CONNECTIONS', '2'],
    ['GATEWAY_DATABASE_CONNECTIONS', '1001'],
    ['GATEWAY_DATABASE_CONNECTIONS', 'many'],
    ['REDIS_URL', 'redis:hunter2@'],
    ['REDIS_URL', 'http://:hunter2@redis.example.com'],
    ['GATEWAY_PORT', 'hunter2'],
    ['GATEWAY_PORT', '-70'],
    ['GATEWAY_PORT', '65536'],
    ['GATEWAY_PORT', '77.5'],
    ['GATEWAY_PORT', ' '],
    ['GATEWAY_PORT', '0x1e61'],
    ['GATEWAY_PORT', '7e3'],
    ['GATEWAY_METRICS_PORT', '99999999999999999999'],
    ['GATEWAY_FLUSH_MS', '60001'],
    ['GATEWAY_FLUSH_MS', '99'],
    ['GATEWAY_FLUSH_MS', 'Infinity'],
    ['GATEWAY_FLUSH_MS', '10s'],
    ['GATEWAY_DRAIN_MS', '-5'],
    ['GATEWAY_LAME_DUCK_MS', '3600001'],
    // a Node timer would fire at once
    ['GATEWAY_DRAIN_MS', '2147483648'],
    ['GATEWAY_IDLE_MS', '2147483648'],
    ['GATEWAY_IDLE_MS', '999'],
    ['GATEWAY_NODE_ID', 'hunter 2'],
    ['GATEWAY_NODE_ID', 'nöde'],
    ['GATEWAY_NODE_ID', 'n'.repeat(101)],
    ['GATEWAY_ALLOW_TARGETS', 'hunter2'],
    ['GATEWAY_ALLOW_TARGETS', '127.0.0.0/8,localhost'],
    ['GATEWAY_ALLOW_TARGETS', databaseUrl],
    ['GATEWAY_PROXY_PROTOCOL_FROM', 'hunter2'],
    ['GATEWAY_PROXY_PROTOCOL_FROM', '10.0.0.0/8:7777'],
    ['GATEWAY_PROXY_PROTOCOL_FROM', '10.0.0.1/8'],
    ['GATEWAY_PROXY_PROTOCOL_FROM', '10.0.0.0/33'],
    ['GATEWAY_DNS_SERVERS', 'localhost'],
    ['GATEWAY_DNS_SERVERS', ','],
    ['GATEWAY_DNS_SERVERS', '10.0.0.2:0'],
    ['GATEWAY_DNS_SERVERS', '10.0.0.2:65536'],
    ['GATEWAY_DNS_SERVERS', '[10.0.0.2]:53'],
    ['GATEWAY_DNS_SERVERS', '10.0.0.2,[2001:db8::2'],
    ['GATEWAY_LOG_LEVEL', 'verbose'],
  ])('%s=%s', (name, value) => {
    const found = complaints({ ...least, [name]: value });
    expect(Object.keys(found)).toEqual([name]);
    expect(found[name]).not.toBe('');
    expect(found[name]).not.toMatch(/hunter|s3cret|localhost|nöde|nnn|\b(?:70|65536|77|7e3)\b/);
  });
});

it('all errors are reported at once', () => {
  const wrong = { GATEWAY_PORT: 'x', GATEWAY_LOG_LEVEL: 'x', REDIS_URL: 'x' };
  expect(Object.keys(complaints(wrong)).sort()).toEqual([
    'GATEWAY_DATABASE_URL',
    'GATEWAY_LOG_LEVEL',
    'GATEWAY_PORT',
    'GATEWAY_SPOOL_DIR',
    'REDIS_URL',
  ]);
});

it.each([
  ['no variables', {}, ['GATEWAY_DATABASE_URL', 'GATEWAY_SPOOL_DIR']],
  ['a bad URL', { ...least, GATEWAY_DATABASE_URL: 'hunter2' }, ['GATEWAY_DATABASE_URL']],
])(
  'a gateway with %s exits with 1 and explains why, without a stack trace',
  async (_, env, names) => {
    const main = fileURLToPath(new URL('../../gateway/main.ts', import.meta.url));
    const child = spawn(process.execPath, [main], { env });
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ]);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    const lines = stderr.split('\n').filter((line) => /^ {2}[A-Z_]+: /.test(line));
    expect(lines.map((line) => line.trim().split(':')[0])).toEqual(names);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stderr).not.toContain('hunter2');
  },
);

it('npm run gateway starts the gateway', () => {
  const file = new URL('../../package.json', import.meta.url);
  const { scripts } = JSON.parse(readFileSync(file, 'utf8')) as { scripts: { gateway: string } };
  expect(scripts.gateway).toMatch(/exec node \S+ gateway\/main\.ts$/);
});
