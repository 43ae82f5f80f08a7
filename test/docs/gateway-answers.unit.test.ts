import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Refusal, refusalCodes } from '../../gateway/refusal.ts';
import { projectRoot } from '../../scripts/stack/project-root.ts';

const traffic = readFileSync(join(projectRoot, 'docs/traffic.md'), 'utf8');

describe('the table of gateway answers', () => {
  it('has exactly the refusals and their statuses, in order', () => {
    const documented = [...traffic.matchAll(/^\| (\d{3}) \| `([a-z_]+)` \|/gm)].map(
      ([, status, code]) => ({ status: Number(status), code }),
    );
    const refusals = refusalCodes.map((code) => ({ status: new Refusal(code).statusCode, code }));
    expect(documented).toEqual(refusals);
  });
});

describe('a refusal', () => {
  it.each(refusalCodes)('%s is one line of text that starts with its code', (code) => {
    expect(new Refusal(code).message).toMatch(new RegExp(`^${code}: [\\x20-\\x7e]+\\n$`));
  });
});
