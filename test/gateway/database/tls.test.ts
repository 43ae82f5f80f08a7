import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { maintain } from '../../../scripts/maintain/maintain.ts';
import { localGatewayLogin } from '../../../scripts/stack/database.ts';
import { makeAuthority } from '../../support/certificates.ts';
import { startTestGateway } from '../../support/gateway/gateway-fixture.ts';
import { callCommand } from '../../support/operator-command.ts';
import { startTlsDatabase, type TlsDatabase } from './tls-database.ts';

/** How a connection was made, or the code of its failure. */
type Outcome = string;

// leads to this machine, but is not its loopback address
const elsewhere = '0.0.0.0';
const here = '127.0.0.1';
const folder = mkdtempSync(join(tmpdir(), 'certificates-'));
const [ours, another] = [makeAuthority('Ours'), makeAuthority('Another')];
const [ca, wrongCa] = ['sslrootcert=ours.crt', 'sslrootcert=another.crt'];
/** The parameters with the files' full paths, which stay out of test titles. */
const withPaths = (parameters: string) =>
  parameters.replace('sslrootcert=', `sslrootcert=${folder}/`);
const names = [elsewhere, 'localhost'];
const day = 86_400_000;
const inDays = (days: number) => new Date(Date.now() + days * day);
let database: TlsDatabase;

beforeAll(async () => {
  writeFileSync(join(folder, 'ours.crt'), ours.cert);
  // as in a bundle: text between certificates
  writeFileSync(join(folder, 'another.crt'), `# Another\n${another.cert}`);
  database = await startTlsDatabase();
});

afterAll(async () => {
  await database.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The code that a gateway logs, or how it connected once it receives changes. */
async function startsGateway(host: string, parameters: string): Promise<Outcome> {
  const mark = database.mark();
  const gateway = await startTestGateway({
    databaseUrl: database.gatewayUrl(host, withPaths(parameters)),
  });
  try {
    return await vi.waitFor(async () => {
      const failed = gateway.logged
        .map((line) => JSON.parse(line) as { code?: string; sentence?: string })
        .find(({ code }) => code && /^database_(certificate|tls)_/.test(code));
      if (failed) {
        expect(failed.sentence).toMatch(/^[^\n]{40,}\.$/);
        expect(await gateway.metric('gateway_listening')).toBe(0);
        return failed.code ?? '';
      }
      expect(await gateway.metric('gateway_listening')).toBe(1);
      return [...database.wiresOf(localGatewayLogin, mark)].join();
    });
  } finally {
    await gateway.stop();
    expect(gateway.logged.join('\n')).not.toContain(database.password);
  }
}

/** The code that `npm run maintain` prints, or how it connected. */
async function maintains(host: string, parameters: string): Promise<Outcome> {
  const mark = database.mark();
  const url = database.ownerUrl(host, withPaths(parameters));
  const { code, stderr } = await callCommand(maintain, [], url);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stderr).not.toContain(database.password);
  if (code === 0) return [...database.wiresOf('postgres', mark)].join();
  return /\((database_\w+)\)\.\n[^\n]{40,}\.\n$/.exec(stderr)?.[1] ?? stderr;
}

describe.each([
  ['a gateway', startsGateway],
  ['npm run maintain', maintains],
])('%s', (_, connect) => {
  it.each<[string, string, Outcome]>([
    [elsewhere, '', 'database_certificate_unknown'],
    [elsewhere, ca, 'encrypted'],
    [elsewhere, wrongCa, 'database_certificate_unknown'],
    [elsewhere, 'sslmode=verify-full', 'database_certificate_unknown'],
    [elsewhere, `sslmode=verify-ca&${wrongCa}`, 'database_certificate_unknown'],
    [elsewhere, 'sslmode=require', 'encrypted'],
    [elsewhere, `sslmode=require&${wrongCa}`, 'database_certificate_unknown'],
    [elsewhere, 'sslmode=disable', 'clear text'],
    ['localhost', '', 'clear text'],
    ['localhost', `sslmode=verify-full&${ca}`, 'encrypted'],
    [here, '', 'clear text'],
    [here, ca, 'database_certificate_name'],
    [here, `sslmode=verify-full&${ca}`, 'database_certificate_name'],
    [here, `sslmode=verify-ca&${ca}`, 'encrypted'],
  ])('at %s?%s of a server with TLS: %s', async (host, parameters, outcome) => {
    await database.show(ours.issue({ names }));
    expect(await connect(host, parameters)).toBe(outcome);
  });

  it.each<[string, string, Outcome]>([
    [elsewhere, '', 'database_tls_unsupported'],
    [elsewhere, 'sslmode=require', 'database_tls_unsupported'],
    [elsewhere, 'sslmode=disable', 'clear text'],
    [here, '', 'clear text'],
    [here, ca, 'database_tls_unsupported'],
  ])('at %s?%s of a server without TLS: %s', async (host, parameters, outcome) => {
    await database.show(null);
    expect(await connect(host, parameters)).toBe(outcome);
  });

  it('refuses a certificate that has expired, and one that is not valid yet', async () => {
    await database.show(ours.issue({ names, validFrom: inDays(-2), validTo: inDays(-1) }));
    expect(await connect(elsewhere, ca)).toBe('database_certificate_expired');
    await database.show(ours.issue({ names, validFrom: inDays(1), validTo: inDays(2) }));
    expect(await connect(elsewhere, ca)).toBe('database_certificate_not_yet_valid');
  });

  it('for a server that refuses clear text, says what to append to the URL', async () => {
    await database.show(ours.issue({ names }));
    await database.requireTls(true);
    try {
      expect(await connect(here, '')).toBe('database_tls_required');
      expect(await connect(elsewhere, ca)).toBe('encrypted');
    } finally {
      await database.requireTls(false);
    }
  });
});
