import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { JWK } from 'jose';
import { waitUntilReady } from './child-process.ts';
import { freePort, loopback } from './ports.ts';
import { databaseUrl } from './postgres.ts';
import type { ProjectConfig } from './project-config.ts';
import type { Run } from './run.ts';
import { StackError } from './stack-error.ts';
import type { StackKeys } from './stack-keys.ts';
import type { StateDirectory } from './state-directory.ts';
import type { Supervisor } from './supervisor.ts';

// Supabase Auth itself (https://github.com/supabase/auth), a binary from outside this repository, in
// place of the stand-in in auth/.

const role = 'supabase_auth_admin';

/** Has Supabase Auth make its tables, or bring them up to date: ours refer to them. */
export async function migrateAuth(
  command: string,
  options: { supervisor: Supervisor; state: StateDirectory; port: number },
): Promise<void> {
  const { supervisor, state, port } = options;
  const migrate = await supervisor.run({
    name: 'Supabase Auth, migrating',
    command,
    args: ['migrate'],
    // it wants all of its settings also where it uses a few
    env: {
      ...databaseSettings(port),
      API_EXTERNAL_URL: `http://${loopback}`,
      GOTRUE_SITE_URL: `http://${loopback}`,
      GOTRUE_JWT_SECRET: unusedSecret(),
    },
    // it would read a file .env
    cwd: state.temporary,
    logFile: join(state.logs, 'auth-migrations.log'),
  });
  if (migrate.exitCode() === 0) return;
  throw new StackError(
    `A migration of Supabase Auth failed.\n${migrate.lastWords()}`,
    'Set AUTH_BIN to another version of it, or unset it; `rm -rf .stack` removes the data.',
  );
}

/** Starts Supabase Auth on a free port, which it returns when it answers. */
export async function startAuth(
  command: string,
  run: Omit<Run, 'keys' | 'ephemeral'> & { keys: Pick<StackKeys, 'privateJwks'> },
  databasePort: number,
): Promise<number> {
  const port = await freePort();
  const child = run.supervisor.start({
    name: 'Supabase Auth',
    command,
    args: ['serve'],
    env: {
      ...databaseSettings(databasePort),
      ...authSettings(run.config.auth, `${run.url}/auth/v1`, run.keys.privateJwks),
      GOTRUE_SITE_URL: run.url,
      PORT: String(port),
    },
    cwd: run.state.temporary,
    logFile: join(run.state.logs, 'auth.log'),
  });
  await waitUntilReady(child, async () => {
    const response = await fetch(`http://${loopback}:${port}/health`);
    return response.ok;
  });
  run.report('Supabase Auth');
  return port;
}

/**
 * Settings of Supabase Auth as the platform has them, or as config.toml does. The first key signs;
 * the others only verify, as a key on standby does, and one that was in use before. Without an SMTP
 * server it sends no mail; it limits no rates, as no proxy tells it where a client is.
 */
function authSettings(
  config: ProjectConfig['auth'],
  issuer: string,
  [signing, ...others]: [JWK, ...JWK[]],
): Record<string, string> {
  const keys = [
    { ...signing, key_ops: ['sign'] },
    ...others.map((key) => ({ ...key, key_ops: ['verify'] })),
  ];
  return {
    API_EXTERNAL_URL: issuer,
    GOTRUE_API_HOST: loopback,
    GOTRUE_LOG_LEVEL: 'warn',
    GOTRUE_JWT_SECRET: unusedSecret(),
    GOTRUE_JWT_KEYS: JSON.stringify(keys),
    GOTRUE_JWT_ISSUER: issuer,
    GOTRUE_JWT_EXP: String(config.jwt_expiry),
    GOTRUE_JWT_AUD: 'authenticated',
    GOTRUE_JWT_DEFAULT_GROUP_NAME: 'authenticated',
    GOTRUE_JWT_ADMIN_ROLES: 'supabase_admin,service_role',
    ...Object.fromEntries(
      ['INVITE', 'CONFIRMATION', 'RECOVERY', 'EMAIL_CHANGE'].map((mail) => [
        `GOTRUE_MAILER_URLPATHS_${mail}`,
        '/auth/v1/verify',
      ]),
    ),
    // pages send it to the platform's gateway, which answers for it there
    GOTRUE_CORS_ALLOWED_HEADERS: 'apikey',
    GOTRUE_DISABLE_SIGNUP: String(!config.enable_signup),
    GOTRUE_EXTERNAL_ANONYMOUS_USERS_ENABLED: String(config.enable_anonymous_sign_ins),
    GOTRUE_MAILER_AUTOCONFIRM: String(!config.email.enable_confirmations),
    GOTRUE_SECURITY_UPDATE_PASSWORD_REQUIRE_REAUTHENTICATION: String(
      config.email.secure_password_change,
    ),
    GOTRUE_PASSWORD_MIN_LENGTH: String(config.minimum_password_length),
    GOTRUE_SECURITY_REFRESH_TOKEN_ROTATION_ENABLED: String(config.enable_refresh_token_rotation),
    GOTRUE_SECURITY_REFRESH_TOKEN_REUSE_INTERVAL: String(config.refresh_token_reuse_interval),
  };
}

function databaseSettings(port: number): Record<string, string> {
  return {
    GOTRUE_DB_DRIVER: 'postgres',
    DATABASE_URL: `${databaseUrl(role, port)}?sslmode=disable`,
    GOTRUE_DB_MAX_POOL_SIZE: '10',
  };
}

/** It wants a shared secret too. No token is signed with it, and none so signed is taken. */
function unusedSecret(): string {
  return randomBytes(32).toString('base64url');
}
