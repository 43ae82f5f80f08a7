import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { format } from './format.ts';
import { projectRoot } from './stack/project-root.ts';

/** The committed file with the database's refusal codes, for the functions. */
export const refusalsFile = join(projectRoot, 'supabase/functions/_shared/refusals.ts');
/** The documentation page, in which one table is generated. */
export const refusalsPage = join(projectRoot, 'docs/errors.md');

interface Refusal {
  code: string;
  sqlState: string;
  message: string;
  occursWhen: string;
  detail: string;
}

/** Generates the text of both files from a running database. */
export async function generateRefusals(dbUrl: string): Promise<{ code: string; page: string }> {
  const sql = postgres(dbUrl, { max: 1 });
  try {
    const refusals = await sql<Refusal[]>`
      select code, sql_state as "sqlState", message, occurs_when as "occursWhen", detail
      from proxy_private.refusals order by sql_state, code`;
    const rules = await sql<{ argument: string; rule: string }[]>`
      select argument, rule from proxy_private.argument_rules order by argument`;
    return { code: await format(codeOf(refusals, rules)), page: pageOf(refusals) };
  } finally {
    await sql.end();
  }
}

function codeOf(refusals: Refusal[], rules: { argument: string; rule: string }[]): string {
  const problems = Object.fromEntries(
    refusals.map(({ code, sqlState, message }) => [code, [statusOf(sqlState), titleOf(message)]]),
  );
  const ruleOf = Object.fromEntries(rules.map(({ argument, rule }) => [argument, rule]));
  return `// Generated from the migrations by \`npm run types\`: do not edit.

/** Each of the database's refusals by code, with its HTTP status and title. */
export const refusals = ${JSON.stringify(problems)} as const;

/** The rule for each argument, by its name in SQL. */
export const argumentRules = ${JSON.stringify(ruleOf)} as const;
`;
}

function pageOf(refusals: Refusal[]): string {
  const rows = refusals.map(({ code, sqlState, occursWhen, detail }) => {
    const status = statusOf(sqlState);
    const cells = [`\`${code}\``, status, sqlState, occursWhen, retryOf(code, status), detail];
    return `| ${cells.join(' | ')} |`.replace(/ {2}\|$/, ' |');
  });
  return readFileSync(refusalsPage, 'utf8').replace(
    /(?<=\| code \| HTTP \| SQLSTATE \| when \| retry\? \| details \|\n(?:\|---){6}\|\n)(\|.*\n)+/,
    `${rows.join('\n')}\n`,
  );
}

/** Refusals, besides 404, that persist whatever the caller changes. */
const finalCodes = new Set(['already_done', 'append_only', 'forbidden']);

function retryOf(code: string, status: number): string {
  if (status === 429) return 'after `Retry-After`';
  return status === 404 || finalCodes.has(code) ? 'no' : 'after a change';
}

/** The HTTP status that PostgREST returns for a SQLSTATE `PTnnn`. */
function statusOf(sqlState: string): number {
  return Number(sqlState.slice(2));
}

/** A message has the problem and, after a colon, what to do about it. */
function titleOf(message: string): string {
  return message.replace(/(:.*|\.)$/, '');
}
