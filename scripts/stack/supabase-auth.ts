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

// Runs Supabase Auth itself (https://github.com/supabase/auth), a binary from outside this repository,
// instead of the local replacement in auth/.

const role = 'supabase_auth_admin';

/** Lets Supabase Auth create or update its tables, which ours refer to. */
export async function migrateAuth(
  command: string,
  options: { supervisor: Supervisor; state: StateDirectory; port: number },
): Promise<void> {
  const { supervisor, state, port } = options;
  const migrate = await supervisor.run({
    name: 'Supabase Auth, migrating',
    command,
    args: ['migrate'],
    // it requires all of its settings, even those that this command does not use
    env: {
      ...databaseSettings(port),
      API_EXTERNAL_URL: `http://${loopback}`,
      GOTRUE_SITE_URL: `http://${loopback}`,
      GOTRUE_JWT_SECRET: unusedSecret(),
    },
    // a folder without an .env file, which it would read
    cwd: state.temporary,
    logFile: join(state.logs, 'auth-migrations.log'),
  });
  if (migrate.exitCode() === 0) return;
  throw new StackError(
    `A migration of Supabase Auth failed.\n${migrate.lastWords()}`,
    'Set AUTH_BIN to another version, or unset it. `rm -rf .stack` removes the data.',
  );
}

/** Starts Supabase Auth on a free port, and returns the port once it responds. */
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
 * The settings of Supabase Auth, from the platform and config.toml. The first key signs; the others,
 * standby or previous keys, only verify. Without an SMTP server it sends no mail. It has no rate
 * limits, as no proxy reports the client's address.
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
    // pages send this header to the platform's gateway, which handles its CORS there
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

/** It also requires a shared secret, which signs no token; tokens signed with it are refused. */
function unusedSecret(): string {
  return randomBytes(32).toString('base64url');
}
