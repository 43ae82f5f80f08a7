import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../../scripts/stack/project-root.ts';
import { connectOwner } from '../personas.ts';

const sql = connectOwner();
afterAll(() => sql.end());

describe('docs/errors.md', () => {
  it('lists every refusal of the database with its status and SQLSTATE, and no other', async () => {
    const page = readFileSync(join(projectRoot, 'docs/errors.md'), 'utf8');
    const documented = [...page.matchAll(/^\| `([a-z_]+)` \| (\d{3}) \| (PT\d{3}) \|/gm)].map(
      ([, code, status, sqlState]) => ({ code, status, sqlState }),
    );
    const raised = await sql<{ code: string; sqlState: string }[]>`
      select code, sql_state as "sqlState" from private.refusals`;
    const expected = raised.map(({ code, sqlState }) => ({
      code,
      status: sqlState.slice(2),
      sqlState,
    }));
    const byCode = (a: { code?: string | undefined }, b: { code?: string | undefined }) =>
      (a.code ?? '').localeCompare(b.code ?? '');
    expect(documented.sort(byCode)).toEqual(expected.sort(byCode));
  });
});
