import type postgres from 'postgres';

/** The roles that the REST API runs requests as. */
export const apiRoles = ['anon', 'authenticated', 'service_role'] as const;

export type ApiRole = (typeof apiRoles)[number];

/** Runs `work` in one transaction as PostgREST runs a request: with the role and the claims. */
export function asRole<T>(
  sql: postgres.Sql,
  role: ApiRole,
  claims: Record<string, unknown>,
  work: (transaction: postgres.TransactionSql) => Promise<T>,
): Promise<T> {
  return sql.begin(async (transaction) => {
    await transaction`
      select
        set_config('request.jwt.claims', ${JSON.stringify({ ...claims, role })}, true),
        set_config('role', ${role}, true)`;
    return work(transaction);
  }) as Promise<T>;
}

/** Runs `work` in one transaction as a signed-in user's request. */
export function asUser<T>(
  sql: postgres.Sql,
  userId: string,
  work: (transaction: postgres.TransactionSql) => Promise<T>,
): Promise<T> {
  return asRole(sql, 'authenticated', { sub: userId }, work);
}
