import type postgres from 'postgres';
import { AuthRefusal } from './errors.ts';
import { findUser, isOurs, newSalt, type User } from './users.ts';

const shortest = 6;
// bcrypt ignores the rest
const longest = 72;

/** Refuses a password that Supabase Auth would refuse with the default settings. */
export function requireStrength(password: string): void {
  requireHashable(password);
  if (Buffer.byteLength(password) < shortest) {
    const message = `The password must have at least ${shortest} characters.`;
    throw new AuthRefusal(422, 'weak_password', message, ['length']);
  }
}

/** Refuses a password so long that bcrypt would ignore its end. */
export function requireHashable(password: string): void {
  if (Buffer.byteLength(password) > longest) {
    const message = `The password must have at most ${longest} bytes.`;
    throw new AuthRefusal(400, 'validation_failed', message);
  }
}

/**
 * Finds the user with this e-mail address and password. An unknown address costs the same bcrypt work
 * as a known one, so that the response time does not reveal which addresses have an account.
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

/** Whether a password is the user's current one. */
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
