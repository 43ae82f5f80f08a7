import { Hono } from 'hono';
import type postgres from 'postgres';
import { requireAdmin } from './callers.ts';
import { AuthRefusal, notSupportedLocally } from './errors.ts';
import type { Mailbox } from './mailbox.ts';
import { requireHashable, requireStrength } from './passwords.ts';
import { bodies, isUuid, readBan, readBody, readEmail, readPage } from './requests.ts';
import { endAllSessions } from './sessions.ts';
import type { Tokens } from './tokens.ts';
import {
  createUser,
  deleteUser,
  findUser,
  listUsers,
  softDeleteUser,
  type User,
  updateUser,
} from './users.ts';

/** The routes under `/admin`, which require the secret key. */
export function createAdminRoutes(options: {
  sql: postgres.Sql;
  tokens: Tokens;
  now: () => number;
  mailbox: Mailbox;
}): Hono {
  const { sql, tokens, now, mailbox } = options;
  const app = new Hono();

  app.use(async (c, next) => {
    await requireAdmin(c, tokens);
    await next();
  });

  app.post('/users', async (c) => {
    const body = await readBody(c, bodies.adminUser);
    if (body.id !== '' && !isUuid(body.id)) {
      throw new AuthRefusal(400, 'validation_failed', 'The id must be a UUID.');
    }
    requireHashable(body.password ?? '');
    const user = await createUser(
      sql,
      {
        id: body.id || undefined,
        email: readEmail(body.email),
        password: body.password || undefined,
        confirmEmail: body.email_confirm,
        userMetadata: body.user_metadata,
        appMetadata: body.app_metadata,
        bannedUntil: readBan(body.ban_duration, now()),
      },
      new Date(now()),
    );
    if (!user) throw new AuthRefusal(422, 'email_exists', 'Another user has this e-mail address.');
    return c.json(user);
  });

  app.get('/users', async (c) => {
    const { page, perPage } = readPage(c);
    const { users, total } = await listUsers(sql, { limit: perPage, offset: (page - 1) * perPage });
    const lastPage = Math.ceil(total / perPage);
    const link = (to: number, rel: string) =>
      `</admin/users?page=${to}&per_page=${perPage}>; rel="${rel}"`;
    const next = page < lastPage ? [link(page + 1, 'next')] : [];
    return c.json({ users, aud: 'authenticated' }, 200, {
      'x-total-count': String(total),
      link: [...next, link(lastPage, 'last')].join(', '),
    });
  });

  app.get('/users/:id', async (c) => c.json(await requireExisting(c.req.param('id'))));

  app.put('/users/:id', async (c) => {
    const { id } = await requireExisting(c.req.param('id'));
    const body = await readBody(c, bodies.adminUser);
    const { password } = body;
    if (password !== undefined) requireStrength(password);
    const changes = {
      email: body.email === '' ? undefined : readEmail(body.email),
      password,
      confirmEmail: body.email_confirm,
      userMetadata: body.user_metadata,
      appMetadata: body.app_metadata,
      bannedUntil: readBan(body.ban_duration, now()),
    };
    await sql.begin(async (tx) => {
      await updateUser(tx, id, changes, new Date(now()));
      if (password !== undefined) await endAllSessions(tx, id);
    });
    return c.json(await requireExisting(id));
  });

  app.delete('/users/:id', async (c) => {
    const { id } = await requireExisting(c.req.param('id'));
    const body = await readBody(c, bodies.deletion, '{}');
    if (body.should_soft_delete) await softDeleteUser(sql, id, new Date(now()));
    else await deleteUser(sql, id);
    return c.json({});
  });

  // Supabase Auth has no such route: it sends its mails
  app.get('/mails', (c) => c.json(mailbox.list()));

  for (const path of ['/generate_link', '/audit', '/users/:id/*', '/sso/*', '/oauth/*']) {
    app.all(path, () => {
      throw notSupportedLocally();
    });
  }

  async function requireExisting(id: string): Promise<User> {
    if (!isUuid(id)) throw new AuthRefusal(404, 'validation_failed', 'The id must be a UUID.');
    const user = await findUser(sql, id);
    if (!user) throw new AuthRefusal(404, 'user_not_found', 'No such user exists.');
    return user;
  }

  return app;
}
