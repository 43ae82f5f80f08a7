import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../../scripts/stack/project-root.ts';
import { problemCatalog } from '../../supabase/functions/_shared/problem.ts';
import { listRoutines } from '../support/catalog.ts';
import { connectOwner, newUser } from '../support/personas.ts';
import { byVersion } from '../support/postgrest-version.ts';

const sql = connectOwner();
const page = readFileSync(join(projectRoot, 'docs/errors.md'), 'utf8');
afterAll(() => sql.end());

describe('docs/errors.md', () => {
  it('has a rule for each argument that a function refuses', async () => {
    const sources = await sql<{ source: string }[]>`
      select prosrc as source from pg_proc
      where pronamespace = any('{public,proxy_private}'::regnamespace[])`;
    const refused = sources.flatMap(({ source }) =>
      [...source.matchAll(/refuse\('invalid_request', '(\w+)'/g)].map(([, name]) => name),
    );
    const rules = await sql<
      { argument: string }[]
    >`select argument from proxy_private.argument_rules`;
    expect(refused.length).toBeGreaterThan(20);
    expect(rules.map(({ argument }) => argument)).toEqual(expect.arrayContaining(refused));
  });

  it('lists every code of a problem document with its status, and no other', () => {
    const documented = [...page.matchAll(/^\| `([a-z_]+)` \| (\d{3}) \|/gm)].map(
      ([, code, status]) => [code, Number(status)],
    );
    const sent = Object.entries(problemCatalog).map(([code, [status]]) => [code, status]);
    expect(documented.toSorted()).toEqual(sent.toSorted());
  });

  it("states PostgREST's answer for arguments that match no function", async () => {
    expect(page).toContain('| `PGRST202` | 404 |');
    const { supabase } = await newUser();
    const routines = await listRoutines(sql, ['public']);
    expect(routines.length).toBeGreaterThan(15);
    // the function with a single JSON argument
    const codes: Record<string, string> = {
      report_proxy_deliveries: await byVersion({ 12: '42883', 14.2: 'PGRST202' }),
    };
    for (const { name } of routines) {
      const { status, error } = await supabase.rpc(
        name as 'get_proxy_key',
        { color: 'red' } as never,
      );
      expect([name, status, error?.code]).toEqual(
        name === 'mint_proxy_key' ? [name, 400, 'PT400'] : [name, 404, codes[name] ?? 'PGRST202'],
      );
    }
  });
});
