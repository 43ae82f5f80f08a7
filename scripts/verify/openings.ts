import { versionMismatch } from '../../supabase/functions/_shared/schema-version.ts';
import { demoUser } from '../stack/describe-stack.ts';
import { call, codeOf, type Project, Unexpected } from './project.ts';

const schemas = ['proxy_private', 'gateway', 'auth', 'extensions', 'cron', 'vault'];

/** Checks that the REST API exposes none of the private schemas. */
export async function checkSchemas(project: Project): Promise<string> {
  for (const schema of schemas) {
    const headers = { 'Accept-Profile': schema };
    const answer = await call(project, '/rest/v1/proxy_keys?limit=0', { headers });
    // any other response means that the API exposes the schema
    if (codeOf(answer) === 'PGRST106') continue;
    if (answer.status === 401) {
      throw new Unexpected(
        `PostgREST does not accept the token (${codeOf(answer)}): it checks other keys`,
      );
    }
    throw new Unexpected(
      `the REST API exposes schema ${schema}: remove it (dashboard: Data API, Exposed schemas)`,
    );
  }
  return `${schemas.slice(0, 2).join(', ')} and others are not exposed`;
}

const push = 'apply the migrations (supabase db push)';

/** Checks that every migration was applied, and that this checkout supports the schema's version. */
export async function checkMigrations(project: Project): Promise<string> {
  const answer = await call(project, '/rest/v1/rpc/proxy_schema_version', {
    method: 'POST',
    json: {},
  });
  if (codeOf(answer) === 'PGRST202') throw new Unexpected(`at least one is missing: ${push}`);
  if (answer.status === 401) {
    throw new Unexpected(
      `PostgREST does not accept the token (${codeOf(answer)}): it checks other keys`,
    );
  }
  const schema = answer.body as { version?: unknown; oldest_functions_version?: unknown } | null;
  if (answer.status !== 200 || typeof schema?.version !== 'number') {
    throw new Unexpected(
      `the database does not return its version (${answer.status} ${codeOf(answer)}): ${push}`,
    );
  }
  const mismatch = versionMismatch({
    version: schema.version,
    oldestFunctionsVersion: Number(schema.oldest_functions_version),
  });
  if (mismatch) {
    throw new Unexpected(`the schema has version ${schema.version}: ${mismatch.message}`);
  }
  return `all were applied (version ${schema.version})`;
}

const paths = {
  api: '/functions/v1/api/v1/health',
  admin: '/functions/v1/admin/proxy/keys',
  deliver: '/functions/v1/deliver',
};

/** Checks that the functions are deployed, check tokens themselves, and reach the database. */
export async function checkFunctions(project: Project): Promise<string> {
  for (const [name, path] of Object.entries(paths)) {
    const method = name === 'deliver' ? 'POST' : 'GET';
    const answer = await call(project, path, { method, signedIn: false });
    const code = codeOf(answer);
    // `api` reports its health; the others refuse a request without a user's token or a secret key
    if (name === 'api' ? answer.status === 200 : code === 'unauthorized') continue;
    if (answer.status === 404) {
      throw new Unexpected(
        `the function ${name} is not deployed: supabase functions deploy ${name} --use-api`,
      );
    }
    if (answer.status === 401) {
      throw new Unexpected(
        `the platform checks tokens before the function ${name} does: deploy it with supabase/config.toml or with --no-verify-jwt`,
      );
    }
    throw new Unexpected(
      `the function ${name} returns ${answer.status} (${code ?? 'no code'}): see its logs`,
    );
  }
  return `${Object.keys(paths).join(', ')} respond`;
}

const admin = { email: 'admin@example.com', password: demoUser.password };

/** Checks that requests without a token get nothing, and that the demo accounts cannot sign in. */
export async function checkStrangers(project: Project): Promise<string> {
  const list = await call(project, '/rest/v1/proxy_key_summaries?select=id&limit=1', {
    signedIn: false,
  });
  if (list.status < 400)
    throw new Unexpected('keys can be listed without a token: apply the migrations');
  const tiers = await call(project, '/functions/v1/api/v1/proxy/keys', { signedIn: false });
  if (tiers.status < 400) throw new Unexpected('the function api lists keys without a token');
  if (project.local) return "get nothing (a local stack's demo accounts are not checked)";
  for (const account of [demoUser, admin]) {
    const { status } = await call(project, '/auth/v1/token?grant_type=password', {
      method: 'POST',
      json: account,
      signedIn: false,
    });
    if (status === 200) {
      throw new Unexpected(
        `${account.email} can sign in with the demo password, which is public: delete the account, and keep [db.seed] off`,
      );
    }
  }
  return 'get nothing, and the demo accounts do not exist';
}
