import type { Sql } from 'postgres';

/** Counts this many rotations of a user, as of now. */
export async function countRotations(sql: Sql, userId: string, count: number): Promise<void> {
  await sql`
    insert into proxy_private.write_windows (user_id, action, recent)
    values (${userId}, 'rotate', array_fill(clock_timestamp(), array[${count}::integer]))`;
}

/** Ages a user's recent writes by this many seconds. */
export async function ageWrites(sql: Sql, userId: string, seconds: number): Promise<void> {
  await sql`
    update proxy_private.write_windows
    set recent = array(
      select t - make_interval(secs => ${seconds}) from unnest(recent) as t order by t
    )
    where user_id = ${userId}`;
}

/** The seconds until the oldest rotation of a user leaves the window. */
export async function secondsUntilRotation(sql: Sql, userId: string): Promise<number> {
  const [row] = await sql<{ seconds: number }[]>`
    select ceil(extract(epoch from recent[1] + interval '60 s' - clock_timestamp()))::integer
      as seconds
    from proxy_private.write_windows where user_id = ${userId} and action = 'rotate'`;
  return Number(row?.seconds);
}

/** Clears a user's counted writes, for scenes with many of them. */
export async function forgetWrites(sql: Sql, userId: string): Promise<void> {
  await sql`delete from proxy_private.write_windows where user_id = ${userId}`;
}
