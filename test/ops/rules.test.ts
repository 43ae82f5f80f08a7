import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../../scripts/stack/project-root.ts';
import { alertNames, rulesFile, withoutPrometheus } from './prometheus.ts';

const run = promisify(execFile);
const testFile = rulesFile.replace('.yml', '.test.yml');

describe.skipIf(withoutPrometheus)('the rules, as promtool sees them', () => {
  it('are sound', async () => {
    await expect(run('promtool', ['check', 'rules', rulesFile])).resolves.toBeDefined();
  });

  it('compute what their tests say, for each alert', async () => {
    await expect(run('promtool', ['test', 'rules', testFile])).resolves.toBeDefined();
    const tested = readFileSync(testFile, 'utf8');
    // (A|B) names several
    for (const name of alertNames()) {
      expect(tested).toContain(name.replace(/^Proxy(Gateway|Keys)/, ''));
    }
  });
});

describe('each alert', () => {
  const rules = readFileSync(rulesFile, 'utf8');
  const page = readFileSync(join(projectRoot, 'docs/operating.md'), 'utf8');
  const headings = Array.from(page.matchAll(/^### (Proxy\w+)$/gm), ([, name]) => name);

  it('has a runbook by its name, and no other alert has one', () => {
    expect(headings).toEqual(alertNames());
    const runbooks = Array.from(rules.matchAll(/runbook: (\S+)/g), ([, link]) => link);
    expect(runbooks).toEqual(alertNames().map((name) => `docs/operating.md#${name.toLowerCase()}`));
  });

  it('pages somebody or waits, and says of which gateway it is where it is of one', () => {
    const severities = Array.from(rules.matchAll(/severity: (\w+)/g), ([, word]) => word);
    expect(severities).toHaveLength(alertNames().length);
    expect(new Set(severities)).toEqual(new Set(['page', 'ticket']));
  });
});
