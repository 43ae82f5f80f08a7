import type postgres from 'postgres';
import { AuthRefusal } from './errors.ts';
import { findUser, isOurs, newSalt, type User } from './users.ts';

const shortest = 6;
// bcrypt reads no further
const longest = 72;

/** Refuses a password that Supabase Auth would refuse with the default settings. */
export function requireStrength(password: string): void {
  requireHashable(password);
  if (Buffer.byteLength(password) < shortest) {
    const message = `A password has at least ${shortest} characters.`;
    throw new AuthRefusal(422, 'weak_password', message, ['length']);
  }
}

/** Refuses a password of which bcrypt would ignore the end. */
export function requireHashable(password: string): void {
  if (Buffer.byteLength(password) > longest) {
    const message = `A password has at most ${longest} bytes.`;
    throw new AuthRefusal(400, 'validation_failed', message);
  }
}

/**
 * Finds whose e-mail address and password these are. An unknown address costs the same bcrypt work
 * as a known one, so that the time taken does not tell which addresses have an account.
 */
export async function findByPassword(
  sql: postgres.Sql,
  email: string,
  password: string,
): Promise<User | undefined> {
  const [row] = await sql<{ id: string | null; matches: boolean | null }[]>`
    with candidate as (
      select u.id, nullif(u.encrypted_password, '') as hash
      from auth.users u
      where ${isOurs(sql)} and lower(u.email) = ${email.toLowerCase()}
      limit 1
    )
    select candidate.id, candidate.hash = extensions.crypt(
      ${password}, coalesce(candidate.hash, ${newSalt(sql)})
    ) as matches
    from (select) as always left join candidate on true`;
  return row?.id && row.matches ? findUser(sql, row.id) : undefined;
}

/** Tells whether a password is the one the user has. */
export async function hasPassword(
  sql: postgres.Sql,
  id: string,
  password: string,
): Promise<boolean> {
  const [row] = await sql<{ matches: boolean | null }[]>`
    select encrypted_password = extensions.crypt(${password}, encrypted_password) as matches
    from auth.users where id = ${id} and encrypted_password <> ''`;
  return row?.matches ?? false;
}
