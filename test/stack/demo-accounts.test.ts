import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { parse } from 'smol-toml';
import { expect, it, vi } from 'vitest';
import { makeDemoAccounts } from '../../scripts/stack/demo-accounts.ts';
import { demoUser } from '../../scripts/stack/describe-stack.ts';
import { databaseUrl } from '../../scripts/stack/postgres.ts';
import { postgresUser } from '../../scripts/stack/process-user.ts';
import { projectRoot } from '../../scripts/stack/project-root.ts';
import { startDatabase } from '../../scripts/stack/start-database.ts';
import { openStateDirectory } from '../../scripts/stack/state-directory.ts';
import { createSupervisor } from '../../scripts/stack/supervisor.ts';
import { createSupabase, request } from '../support/personas.ts';

const admin = { email: 'admin@example.com', password: demoUser.password };
const supabaseFolder = join(projectRoot, 'supabase');

// hosted projects and preview branches run this SQL, where anyone could use a demo account
it.each([
  ['creates users', /\b(insert into|merge into|copy|update)\s+(only\s+)?"?auth"?\s*\./i],
  ['sets a password', /encrypted_password|gen_salt|\bpassword\s*'/i],
  ['names an email address', /[\w.+-]+@[\w-]+\.\w+/],
])('no SQL file in supabase/ %s', (_, pattern) => {
  // the demo accounts do all three
  expect(readFileSync(join(projectRoot, 'scripts/stack/demo.sql'), 'utf8')).toMatch(pattern);
  const files = readdirSync(supabaseFolder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.sql'),
  );
  expect(files).not.toEqual([]);
  for (const file of files) {
    expect(readFileSync(join(supabaseFolder, file), 'utf8'), file).not.toMatch(pattern);
  }
});

it('the configuration runs no seed', () => {
  const config = parse(readFileSync(join(supabaseFolder, 'config.toml'), 'utf8'));
  expect(config.db).toMatchObject({ seed: { enabled: false, sql_paths: [] } });
});

it.each([
  ['the demo user', demoUser, undefined, 403],
  ['the admin', admin, 'admin', 200],
])('%s of a started stack can sign in', async (_, credentials, role, status) => {
  const { data, error } = await createSupabase().auth.signInWithPassword(credentials);
  expect(error).toBeNull();
  expect(data.user?.app_metadata.role).toBe(role);
  const token = data.session?.access_token ?? '';
  expect((await request('GET', '/admin/proxy/keys', { token })).status).toBe(status);
});

it('migrations alone create no user, and the demo accounts are created once', async () => {
  // a copy of the template would already have them
  vi.stubEnv('STACK_TEMPLATE', '');
  await using undo = new AsyncDisposableStack();
  undo.defer(() => void vi.unstubAllEnvs());
  const state = openStateDirectory({ ephemeral: true, user: postgresUser() });
  undo.defer(() => state.remove());
  const supervisor = await createSupervisor(state.processesFile, () => {});
  undo.defer(() => supervisor.stopAll());
  const port = await startDatabase({ supervisor, state, durable: false, report: () => {} });
  const sql = postgres(databaseUrl('postgres', port), { max: 1, onnotice: () => {} });
  undo.defer(() => sql.end({ timeout: 1 }));
  const counts = async () => {
    const [row] = await sql`
      select
        (select count(*)::integer from auth.users) as users,
        (select count(*)::integer from auth.identities) as identities,
        (select count(*)::integer from proxy_private.proxy_keys) as keys,
        (
          select count(*)::integer from proxy_private.proxy_usage_events as e
          join proxy_private.proxy_keys as k on k.id = e.api_key_id and e.occurred_at > k.created_at
        ) as events_after_mint`;
    return row;
  };
  expect(await counts()).toEqual({ users: 0, identities: 0, keys: 0, events_after_mint: 0 });
  const made = { users: 2, identities: 2, keys: 3, events_after_mint: 62 * 90 };
  expect(await makeDemoAccounts(port)).toBe(true);
  expect(await counts()).toEqual(made);
  expect(await makeDemoAccounts(port)).toBe(false);
  expect(await counts()).toEqual(made);
});
