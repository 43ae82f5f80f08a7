import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { reasonCodes } from '../../gateway/readiness/reason.ts';
import { projectRoot } from '../../scripts/stack/project-root.ts';

it('docs/gateways.md has exactly the reasons of /readyz', () => {
  const page = readFileSync(join(projectRoot, 'docs/gateways.md'), 'utf8');
  const codes = [...page.matchAll(/^\| `([a-z_]+)` \| [^|]+ \| [^|]+ \|$/gm)].map(
    ([, code]) => code,
  );
  expect(codes).toEqual(reasonCodes);
});
