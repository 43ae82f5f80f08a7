import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type postgres from 'postgres';

/** A text that was searched for, and where it was found. */
export interface Finding {
  text: string;
  where: string;
}

/** Every table and materialized view that is not a system relation. */
async function listTables(sql: postgres.ISql): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select format('%I.%I', n.nspname, c.relname) as name
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'm') and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
    order by 1`;
  return rows.map(({ name }) => name);
}

/**
 * Searches for the texts in every column of every row. A row is read as JSON, with bytes as
 * hexadecimal, so a text stored as bytes is found by its hexadecimal form too.
 */
export async function searchDatabase(
  sql: postgres.ISql,
  texts: string[],
): Promise<{ findings: Finding[]; tables: string[] }> {
  const forms = texts.flatMap((text) => [
    { text, form: text },
    { text, form: Buffer.from(text).toString('hex') },
  ]);
  const tables = await listTables(sql);
  const findings: Finding[] = [];
  for (const table of tables) {
    const rows = await sql.unsafe<{ form: string }[]>(
      `select distinct f as form
       from (select to_jsonb(t)::text as content from ${table} as t offset 0) as r,
         unnest($1::text[]) as f
       where strpos(r.content, f) > 0`,
      [forms.map(({ form }) => form)],
    );
    const found = new Set(rows.map(({ form }) => form));
    for (const { text, form } of forms) if (found.has(form)) findings.push({ text, where: table });
  }
  return { findings, tables };
}

/** Searches for the texts in every file of a folder. */
export function searchFiles(
  folder: string,
  texts: string[],
): { findings: Finding[]; files: string[] } {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const findings = files.flatMap((where) => {
    const content = readFileSync(where, 'latin1');
    return texts.filter((text) => content.includes(text)).map((text) => ({ text, where }));
  });
  return { findings, files };
}
