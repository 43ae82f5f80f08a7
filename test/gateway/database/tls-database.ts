import { chownSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { expect, vi } from 'vitest';
import { noTls } from '../../../gateway/database/tls-failure.ts';
import { localGatewayLogin } from '../../../scripts/stack/database.ts';
import { databaseUrl } from '../../../scripts/stack/postgres.ts';
import { postgresUser } from '../../../scripts/stack/process-user.ts';
import { startDatabase } from '../../../scripts/stack/start-database.ts';
import { openStateDirectory } from '../../../scripts/stack/state-directory.ts';
import { createSupervisor } from '../../../scripts/stack/supervisor.ts';
import { openTlsSocket } from '../../../scripts/tls-socket.ts';
import type { TestCertificate } from '../../support/certificates.ts';

/** How a login connected, by the server's log. */
export type Wire = 'encrypted' | 'clear text';

/** A migrated database whose server certificate the test chooses. */
export interface TlsDatabase {
  /** The connection string of the schema's owner, with this host and these parameters. */
  ownerUrl(host: string, parameters?: string): string;
  /** The same for a gateway's login. */
  gatewayUrl(host: string, parameters?: string): string;
  /** The password in the URLs above; it appears nowhere else. */
  password: string;
  /** Uses this certificate from now on; null turns TLS off. */
  show(certificate: TestCertificate | null): Promise<void>;
  /** Refuses logins in clear text from now on, or accepts them again. */
  requireTls(required: boolean): Promise<void>;
  /** The current end of its log. */
  mark(): number;
  /** How the login has connected since a mark. */
  wiresOf(login: 'postgres' | typeof localGatewayLogin, mark: number): Set<Wire>;
  stop(): Promise<void>;
}

export async function startTlsDatabase(): Promise<TlsDatabase> {
  const user = postgresUser();
  const state = openStateDirectory({ ephemeral: true, user });
  const supervisor = await createSupervisor(state.processesFile, () => {});
  const port = await startDatabase({ supervisor, state, durable: false, report: () => {} });
  const superuser = postgres(databaseUrl('supabase_admin', port), { max: 1, onnotice: () => {} });
  const password = 'hunter2-is-secret';
  for (const role of ['postgres', localGatewayLogin]) {
    await superuser.unsafe(`alter role ${role} with password '${password}'`);
  }
  await superuser`alter system set log_connections = on`;

  const logFile = join(state.logs, 'postgres.log');
  const accessFile = join(state.postgresData, 'pg_hba.conf');
  const access = readFileSync(accessFile, 'utf8');
  const reload = () => superuser`select pg_reload_conf()`;
  const urlOf = (login: string) => (host: string, parameters?: string) =>
    `postgresql://${login}:${password}@${host}:${port}/postgres${parameters ? `?${parameters}` : ''}`;

  const writeFile = (name: string, text: string) => {
    const path = join(state.postgresData, name);
    writeFileSync(path, text, { mode: 0o600 });
    if (user) chownSync(path, user.uid, user.gid);
  };
  const shown = () =>
    openTlsSocket({
      host: '127.0.0.1',
      port,
      tls: { rejectUnauthorized: false },
      timeoutMs: 10_000,
    }).then(
      (socket) => {
        const certificate = socket.getPeerX509Certificate()?.toString();
        socket.destroy();
        return certificate;
      },
      (error: Error) => error.message,
    );
  return {
    ownerUrl: urlOf('postgres'),
    gatewayUrl: urlOf(localGatewayLogin),
    password,
    async show(certificate) {
      if (certificate) {
        writeFile('server.crt', certificate.cert);
        writeFile('server.key', certificate.key);
      }
      await superuser.unsafe(`alter system set ssl = ${certificate ? 'on' : 'off'}`);
      await reload();
      // the postmaster applies it a little later
      await vi.waitFor(async () => expect(await shown()).toBe(certificate?.cert ?? noTls));
    },
    async requireTls(required) {
      writeFileSync(
        accessFile,
        `${required ? `hostnossl all postgres,${localGatewayLogin} all reject\n` : ''}${access}`,
      );
      await reload();
      const refused = async () => {
        const sql = postgres(urlOf('postgres')('127.0.0.1'), { max: 1 });
        const answer = await sql`select`.then(
          () => false,
          () => true,
        );
        await sql.end({ timeout: 0 });
        return answer;
      };
      await vi.waitFor(async () => expect(await refused()).toBe(required));
    },
    mark: () => statSync(logFile).size,
    wiresOf(login, mark) {
      const lines = readFileSync(logFile).subarray(mark).toString().split('\n');
      const admitted = lines.filter((line) =>
        line.includes(`connection authorized: user=${login} `),
      );
      return new Set(
        admitted.map((line) => (line.includes('SSL enabled') ? 'encrypted' : 'clear text')),
      );
    },
    async stop() {
      await superuser.end({ timeout: 1 });
      await supervisor.stopAll();
      state.remove();
    },
  };
}
