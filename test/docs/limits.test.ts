import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../../scripts/stack/project-root.ts';
import { connectOwner } from '../support/personas.ts';

const sql = connectOwner();
const page = readFileSync(join(projectRoot, 'docs/api.md'), 'utf8');
afterAll(() => sql.end());

const spans: Record<string, number> = { '60 s': 60, 'a day': 86_400 };

describe('docs/api.md', () => {
  it('has exactly the limits on writes, with their numbers and spans', async () => {
    const [, table = ''] = /^\| policy \|.*\n((?:\|.*\n)+)/m.exec(page) ?? [];
    const documented = table
      .split('\n')
      .slice(1, -1)
      .flatMap((row) => {
        const [, policies = '', , most = ''] = row.split('|');
        const names = [...policies.matchAll(/`(\w+)`/g)].map(([, name]) => name);
        const limits = [...most.matchAll(/([\d,]+) in (60 s|a day)/g)];
        expect(limits, row).toHaveLength(names.length);
        return limits.map(([, allowed = '', span = ''], n) => ({
          name: names[n],
          allowed: Number(allowed.replaceAll(',', '')),
          seconds: spans[span],
        }));
      });
    const kept = await sql<{ name: string; allowed: number; seconds: number }[]>`
      select name, allowed, seconds from proxy_private.write_limits`;
    const byName = (a: { name?: string | undefined }, b: { name?: string | undefined }) =>
      (a.name ?? '').localeCompare(b.name ?? '');
    expect(documented.sort(byName)).toEqual([...kept].sort(byName));
  });
});
