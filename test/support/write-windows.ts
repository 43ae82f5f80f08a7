import type { Sql } from 'postgres';

/** Has a user rotated that many times just now. */
export async function countRotations(sql: Sql, userId: string, count: number): Promise<void> {
  await sql`
    insert into proxy_private.write_windows (user_id, action, recent)
    values (${userId}, 'rotate', array_fill(clock_timestamp(), array[${count}::integer]))`;
}

/** Lets time pass for what a user wrote in the last minutes. */
export async function ageWrites(sql: Sql, userId: string, seconds: number): Promise<void> {
  await sql`
    update proxy_private.write_windows
    set recent = array(
      select t - make_interval(secs => ${seconds}) from unnest(recent) as t order by t
    )
    where user_id = ${userId}`;
}

/** The seconds until the oldest rotation of a user's window leaves it. */
export async function secondsUntilRotation(sql: Sql, userId: string): Promise<number> {
  const [row] = await sql<{ seconds: number }[]>`
    select ceil(extract(epoch from recent[1] + interval '60 s' - clock_timestamp()))::integer
      as seconds
    from proxy_private.write_windows where user_id = ${userId} and action = 'rotate'`;
  return Number(row?.seconds);
}

/** Takes back what was counted of a user's writes: scenes of many of them. */
export async function forgetWrites(sql: Sql, userId: string): Promise<void> {
  await sql`delete from proxy_private.write_windows where user_id = ${userId}`;
}
