import type postgres from 'postgres';

/** Free-form data about a user: JSON, as the caller gave it. */
export type Metadata = Record<string, postgres.JSONValue>;

/** A user as the Auth API shows it: no hash, no token. */
export interface User {
  id: string;
  aud: string;
  role: string;
  email: string;
  phone: string;
  app_metadata: Metadata;
  user_metadata: Metadata;
  identities: Record<string, unknown>[];
  is_anonymous: boolean;
  created_at: Date;
  updated_at: Date;
  email_confirmed_at?: Date;
  confirmed_at?: Date;
  last_sign_in_at?: Date;
  banned_until?: Date;
}

/** What may change in a user. Metadata are merged; a key given as null goes. */
export interface UserChanges {
  email?: string | undefined;
  password?: string | undefined;
  confirmEmail?: boolean | undefined;
  userMetadata?: Metadata | undefined;
  appMetadata?: Metadata | undefined;
  /** Null lifts a ban. */
  bannedUntil?: Date | null | undefined;
}

/** What makes a new user. Without a password nobody can sign in as them. */
export interface NewUser extends UserChanges {
  id?: string | undefined;
  email: string;
}

const nowhere = '00000000-0000-0000-0000-000000000000';

/** Finds a user by id. */
export async function findUser(sql: postgres.ISql, id: string): Promise<User | undefined> {
  const [row] = await sql`${selectUsers(sql)} and u.id = ${id}`;
  return row && toUser(row);
}

/** Lists users, newest first. */
export async function listUsers(
  sql: postgres.Sql,
  { limit, offset }: { limit: number; offset: number },
): Promise<{ users: User[]; total: number }> {
  const rows = await sql`
    ${selectUsers(sql)} order by u.created_at desc, u.id limit ${limit} offset ${offset}`;
  const [count] = await sql<{ total: number }[]>`
    select count(*)::integer as total from auth.users u where ${isOurs(sql)}`;
  return { users: rows.map(toUser), total: count?.total ?? 0 };
}

/** Creates a user and their e-mail identity, or gives undefined where the address is taken. */
export async function createUser(
  sql: postgres.Sql,
  user: NewUser,
  at: Date,
): Promise<User | undefined> {
  const appMetadata = { provider: 'email', providers: ['email'], ...user.appMetadata };
  const userMetadata = { ...user.userMetadata, ...(user.confirmEmail && { email_verified: true }) };
  const [row] = await sql<{ id: string }[]>`
    with created as (
      insert into auth.users (
        instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, banned_until,
        raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
        confirmation_token, recovery_token, email_change, email_change_token_new
      )
      select
        ${nowhere}, coalesce(${user.id ?? null}::uuid, gen_random_uuid()), 'authenticated',
        'authenticated', ${user.email}, ${hashed(sql, user.password)},
        ${user.confirmEmail ? at : null}::timestamptz, ${user.bannedUntil ?? null}::timestamptz,
        ${sql.json(appMetadata)}, ${sql.json(userMetadata)}, ${at}, ${at}, '', '', '', ''
      where not exists (
        -- a seed may have written an address in capitals, which the index tells apart
        select from auth.users u where ${isOurs(sql)} and lower(u.email) = ${user.email}
      )
      on conflict (email) where (is_sso_user = false) do nothing
      returning id, email, created_at
    )
    insert into auth.identities
      (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
    select
      id::text, id,
      jsonb_build_object(
        'sub', id, 'email', email, 'email_verified', false, 'phone_verified', false),
      'email', created_at, created_at, created_at
    from created
    returning user_id as id`;
  return row && findUser(sql, row.id);
}

/** Changes what is given of a user. */
export async function updateUser(
  sql: postgres.ISql,
  id: string,
  changes: UserChanges,
  at: Date,
): Promise<void> {
  await sql`
    update auth.users set
      email = coalesce(${changes.email ?? null}, email),
      encrypted_password = coalesce(${hashed(sql, changes.password)}, encrypted_password),
      email_confirmed_at = case
        when ${changes.confirmEmail ?? false} then ${at} else email_confirmed_at end,
      banned_until = case
        when ${changes.bannedUntil !== undefined} then ${changes.bannedUntil ?? null}
        else banned_until end,
      raw_user_meta_data = ${merged(sql, 'raw_user_meta_data', changes.userMetadata)},
      raw_app_meta_data = ${merged(sql, 'raw_app_meta_data', changes.appMetadata)},
      updated_at = ${at}
    where id = ${id}`;
  if (changes.email === undefined) return;
  await sql`
    update auth.identities set
      identity_data = identity_data || jsonb_build_object(
        'email', ${changes.email}::text,
        'email_verified', ${changes.confirmEmail ?? false}::boolean),
      updated_at = ${at}
    where user_id = ${id} and provider = 'email'`;
}

/** Deletes a user with their identities and sessions. */
export async function deleteUser(sql: postgres.Sql, id: string): Promise<void> {
  await sql`delete from auth.users where id = ${id}`;
}

/** Tells whether a user may not sign in for now. */
export function isBanned(user: User, at: Date): boolean {
  return user.banned_until !== undefined && user.banned_until > at;
}

/**
 * The condition for the rows of `auth.users u` that count as users: those that Supabase Auth looks
 * at. A seed that leaves these columns out makes no user there either.
 */
export function isOurs(sql: postgres.ISql) {
  return sql`u.instance_id = ${nowhere} and u.aud = 'authenticated' and not u.is_sso_user`;
}

function hashed(sql: postgres.ISql, password: string | undefined) {
  return sql`extensions.crypt(${password ?? null}, ${newSalt(sql)})`;
}

/** A salt for bcrypt. Its cost is Supabase Auth's, unless the connection sets `auth.bcrypt_cost`. */
export function newSalt(sql: postgres.ISql) {
  return sql`extensions.gen_salt(
    'bf', coalesce(current_setting('auth.bcrypt_cost', true), '10')::integer)`;
}

function merged(sql: postgres.ISql, column: string, changes: Metadata | undefined) {
  if (!changes) return sql(column);
  return sql`coalesce((
    select jsonb_object_agg(key, value)
    from jsonb_each(coalesce(${sql(column)}, '{}') || ${sql.json(changes)})
    where value <> 'null'
  ), '{}')`;
}

function selectUsers(sql: postgres.ISql) {
  return sql`
    select
      u.id, u.aud, coalesce(u.role, '') as role, coalesce(u.email, '') as email,
      coalesce(u.phone, '') as phone, u.email_confirmed_at, u.confirmed_at, u.last_sign_in_at,
      coalesce(u.raw_app_meta_data, '{}') as app_metadata,
      coalesce(u.raw_user_meta_data, '{}') as user_metadata,
      coalesce((
        select jsonb_agg(
          to_jsonb(i) - 'provider_id'
            || jsonb_build_object('identity_id', i.id, 'id', i.provider_id)
          order by i.created_at)
        from auth.identities i where i.user_id = u.id
      ), '[]') as identities,
      u.created_at, u.updated_at, u.banned_until, u.is_anonymous
    from auth.users u
    where ${isOurs(sql)}`;
}

/** Leaves out what is null, as Supabase Auth does. */
function toUser(row: postgres.Row): User {
  return Object.fromEntries(
    Object.entries(row).filter(([, value]) => value !== null),
  ) as unknown as User;
}
