import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { AuthRefusal } from './errors.ts';

/** Free-form data about a user: JSON from the caller. */
export type Metadata = Record<string, postgres.JSONValue>;

/** A user in the Auth API, without hashes and tokens. */
export interface User {
  id: string;
  aud: string;
  role: string;
  email: string;
  phone: string;
  app_metadata: Metadata;
  user_metadata: Metadata;
  /** Null in a list. */
  identities: Record<string, unknown>[] | null;
  is_anonymous: boolean;
  /** Without secrets; absent if the user has no factors. */
  factors?: { id: string; status: 'unverified' | 'verified'; friendly_name: string }[];
  created_at: Date;
  updated_at: Date;
  email_confirmed_at?: Date;
  confirmed_at?: Date;
  last_sign_in_at?: Date;
  banned_until?: Date;
  deleted_at?: Date;
}

/** Changes to a user. Metadata are merged; a null value removes its key. */
export interface UserChanges {
  email?: string | undefined;
  password?: string | undefined;
  confirmEmail?: boolean | undefined;
  userMetadata?: Metadata | undefined;
  appMetadata?: Metadata | undefined;
  /** Null lifts a ban. */
  bannedUntil?: Date | null | undefined;
}

/** A new user. Without a password, no one can sign in as this user. */
export interface NewUser extends UserChanges {
  id?: string | undefined;
  email: string;
  /** Whether the user signs up: Supabase Auth then stores the address in the user's metadata. */
  signsUp?: boolean;
}

const nowhere = '00000000-0000-0000-0000-000000000000';

/** Finds a user by id. */
export async function findUser(sql: postgres.ISql, id: string): Promise<User | undefined> {
  const [row] = await sql`${selectUsers(sql)} and u.id = ${id}`;
  return row && toUser(row);
}

/** Finds a user by their address, in lower case. */
export async function findByEmail(sql: postgres.ISql, email: string): Promise<User | undefined> {
  const [row] = await sql`${selectUsers(sql)} and lower(u.email) = ${email} limit 1`;
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
  return {
    users: rows.map((row) => ({ ...toUser(row), identities: null })),
    total: count?.total ?? 0,
  };
}

/** Creates a user with an e-mail identity, or returns undefined if the address is taken. */
export async function createUser(
  sql: postgres.Sql,
  user: NewUser,
  at: Date,
): Promise<User | undefined> {
  const appMetadata = { provider: 'email', providers: ['email'], ...user.appMetadata };
  const id = user.id ?? randomUUID();
  const claims = { sub: id, email: user.email, email_verified: false, phone_verified: false };
  const userMetadata = {
    ...user.userMetadata,
    ...(user.signsUp && claims),
    ...(user.confirmEmail && { email_verified: true }),
  };
  const identityData = { ...(user.signsUp && user.userMetadata), ...claims };
  const [row] = await sql<{ id: string }[]>`
    with created as (
      insert into auth.users (
        instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, banned_until,
        raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
        confirmation_token, recovery_token, email_change, email_change_token_new
      )
      select
        ${nowhere}, ${id}, 'authenticated', 'authenticated', ${user.email}, ${hashed(sql, user.password)},
        ${user.confirmEmail ? at : null}::timestamptz, ${user.bannedUntil ?? null}::timestamptz,
        ${sql.json(appMetadata)}, ${sql.json(userMetadata)}, ${at}, ${at}, '', '', '', ''
      where not exists (
        -- a seed may contain an address in capitals, which the index treats as different
        select from auth.users u where ${isOurs(sql)} and lower(u.email) = ${user.email}
      )
      on conflict (email) where (is_sso_user = false) do nothing
      returning id, created_at
    )
    insert into auth.identities
      (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
    select
      id::text, id, ${sql.json(identityData)}, 'email', created_at, created_at, created_at
    from created
    returning user_id as id`;
  return row && findUser(sql, row.id);
}

/** Applies the given changes to a user. */
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

/**
 * Soft-deletes a user: the row stays, without anything that identifies the user or allows signing in,
 * and the address becomes free for another account.
 */
export async function softDeleteUser(sql: postgres.Sql, id: string, at: Date): Promise<void> {
  const obscured = (value: postgres.Fragment) => sql`translate(
    rtrim(encode(sha256(convert_to(${id}::text || ${value}, 'UTF8')), 'base64'), '='), '+/', '-_')`;
  await sql.begin(async (tx) => {
    await tx`
      update auth.users set
        email = ${obscured(sql`coalesce(email, '')`)},
        phone = ${obscured(sql`coalesce(phone, '')`)},
        encrypted_password = null, raw_user_meta_data = '{}', raw_app_meta_data = '{}',
        deleted_at = ${at}, updated_at = ${at}
      where id = ${id} and deleted_at is null`;
    await tx`
      update auth.identities set
        identity_data = '{}', provider_id = ${obscured(sql`provider_id`)}, updated_at = ${at}
      where user_id = ${id} and identity_data <> '{}'`;
    await tx`delete from auth.sessions where user_id = ${id}`;
  });
}

/** Whether a user is currently banned. */
export function isBanned(user: User, at: Date): boolean {
  return user.banned_until !== undefined && user.banned_until > at;
}

/** Whether a user has a verified second factor, which changes then require. */
export function hasVerifiedFactor({ factors = [] }: User): boolean {
  return factors.some(({ status }) => status === 'verified');
}

/**
 * The condition for the rows of `auth.users u` that count as users: the same as Supabase Auth's. A seed
 * that omits these columns creates no user there either.
 */
export function isOurs(sql: postgres.ISql) {
  return sql`u.instance_id = ${nowhere} and u.aud = 'authenticated' and not u.is_sso_user`;
}

function hashed(sql: postgres.ISql, password: string | undefined) {
  return sql`extensions.crypt(${password ?? null}, ${newSalt(sql)})`;
}

/** A bcrypt salt with Supabase Auth's cost, unless the connection sets `auth.bcrypt_cost`. */
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
      (
        select jsonb_agg(to_jsonb(f) - 'user_id' - 'secret' order by f.created_at)
        from auth.mfa_factors f where f.user_id = u.id
      ) as factors,
      u.created_at, u.updated_at, u.banned_until, u.deleted_at, u.is_anonymous,
      ${lacksToken(sql)} as lacks_token
    from auth.users u
    where ${isOurs(sql)}`;
}

/** The condition for an invalid row from a seed: Supabase Auth cannot read null in these columns. */
function lacksToken(sql: postgres.ISql) {
  return sql`(
    u.confirmation_token is null or u.recovery_token is null or u.email_change is null
    or u.email_change_token_new is null or u.email_change_token_current is null
    or u.phone_change is null or u.phone_change_token is null or u.reauthentication_token is null)`;
}

/** Omits null values, like Supabase Auth. */
function toUser({ lacks_token: lacksToken, ...row }: postgres.Row): User {
  if (lacksToken) {
    const message =
      "One of the user's token columns, such as recovery_token, is null: it must be an empty text.";
    throw new AuthRefusal(500, 'unexpected_failure', message);
  }
  return Object.fromEntries(
    Object.entries(row).filter(([, value]) => value !== null),
  ) as unknown as User;
}
