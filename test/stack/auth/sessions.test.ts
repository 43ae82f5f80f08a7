import { describe, expect, inject, it, vi } from 'vitest';
import { realAuth } from '../../support/real-auth.ts';
import { age, client, outcome, refresh, send, sessionIdOf, signUp, sql } from './auth-client.ts';

const { secretKey } = inject('stack');

describe('a browser that keeps a session alive', () => {
  it('gets a new access token and a new refresh token', async () => {
    const { session } = await signUp();
    const { data, error } = await refresh(session.refresh_token);
    expect(error).toBeNull();
    expect(data.session?.refresh_token).not.toBe(session.refresh_token);
    expect(data.session?.access_token).not.toBe(session.access_token);
    expect(sessionIdOf(data.session?.access_token ?? '')).toBe(sessionIdOf(session.access_token));
    expect((await refresh(data.session?.refresh_token ?? '')).error).toBeNull();
  });

  it('can send the same token from several tabs at once', async () => {
    const { session } = await signUp();
    const results = await Promise.all([1, 2, 3].map(() => refresh(session.refresh_token)));
    for (const { data, error } of results) {
      expect(error).toBeNull();
      expect(sessionIdOf(data.session?.access_token ?? '')).toBe(sessionIdOf(session.access_token));
      expect((await refresh(data.session?.refresh_token ?? '')).error).toBeNull();
    }
  });

  it('can resend a token after any time if the answer was lost', async () => {
    const { session } = await signUp();
    await refresh(session.refresh_token);
    await age(session.access_token, 86_400);
    const { data, error } = await refresh(session.refresh_token);
    expect(error).toBeNull();
    expect((await refresh(data.session?.refresh_token ?? '')).error).toBeNull();
  });

  it('cannot refresh while banned, but can after the ban is lifted', async () => {
    const { session, user } = await signUp();
    const { admin } = client(secretKey).auth;
    await admin.updateUserById(user.id, { ban_duration: '1h' });
    const { error } = await refresh(session.refresh_token);
    expect(error).toMatchObject({ status: 400, code: 'user_banned' });
    const { status, code } = await outcome(await send('/user', { token: session.access_token }));
    expect({ status, code }).toEqual({ status: 403, code: 'user_banned' });
    await admin.updateUserById(user.id, { ban_duration: 'none' });
    expect((await refresh(session.refresh_token)).error).toBeNull();
  });

  it('gets a proper refusal if the session ends while it refreshes', async () => {
    const { session } = await signUp();
    const { answer } = await sql.begin(async (tx) => {
      await tx`delete from auth.sessions where id = ${sessionIdOf(session.access_token)}`;
      const [self] = await tx`select pg_backend_pid() as pid, clock_timestamp() as started_at`;
      // not with supabase-js, which would retry after a failure
      const answer = send('/token?grant_type=refresh_token', {
        method: 'POST',
        body: JSON.stringify({ refresh_token: session.refresh_token }),
      });
      await vi.waitFor(async () => {
        // Supabase Auth does not wait in the database: it polls for a free row
        const waiting = realAuth
          ? await sql`
              select from pg_stat_activity
              where usename = 'supabase_auth_admin' and query_start > ${self?.started_at}
                and query ~* 'skip locked|rollback'`
          : await sql`
              select from pg_stat_activity where ${self?.pid} = any (pg_blocking_pids(pid))`;
        expect(waiting.length).toBeGreaterThanOrEqual(1);
      });
      return { answer };
    });
    expect(await outcome(await answer)).toEqual({ status: 400, code: 'refresh_token_not_found' });
  });

  // Supabase Auth stores them in plain text
  it.skipIf(realAuth)('finds no refresh token in plain text in any table of auth', async () => {
    const { session } = await signUp();
    const next = await refresh(session.refresh_token);
    const tables = await sql<{ name: string }[]>`
      select table_name as name from information_schema.tables
      where table_schema = 'auth' and table_type = 'BASE TABLE'`;
    expect(tables.length).toBeGreaterThanOrEqual(4);
    for (const token of [session.refresh_token, next.data.session?.refresh_token ?? '']) {
      expect(token.length).toBeGreaterThanOrEqual(40);
      for (const { name } of tables) {
        const [row] = await sql`
          select count(*)::integer as found from auth.${sql(name)} t
          where strpos(t::text, ${token}) > 0`;
        expect(row?.found).toBe(0);
      }
    }
  });
});
