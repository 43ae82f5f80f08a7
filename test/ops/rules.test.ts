import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../../scripts/stack/project-root.ts';
import { alertNames, rulesFile, withoutPrometheus } from './prometheus.ts';

const run = promisify(execFile);
const testFile = rulesFile.replace('.yml', '.test.yml');

describe.skipIf(withoutPrometheus)('the rules, checked by promtool', () => {
  it('are valid', async () => {
    await expect(run('promtool', ['check', 'rules', rulesFile])).resolves.toBeDefined();
  });

  it('give the results in their tests, for each alert', async () => {
    await expect(run('promtool', ['test', 'rules', testFile])).resolves.toBeDefined();
    const tested = readFileSync(testFile, 'utf8');
    // (A|B) matches several names
    for (const name of alertNames()) {
      expect(tested).toContain(name.replace(/^Proxy(Gateway|Keys)/, ''));
    }
  });
});

describe('each alert', () => {
  const rules = readFileSync(rulesFile, 'utf8');
  const page = readFileSync(join(projectRoot, 'docs/operating.md'), 'utf8');
  const headings = Array.from(page.matchAll(/^### (Proxy\w+)$/gm), ([, name]) => name);

  it('has its own runbook, and there is no other runbook', () => {
    expect(headings).toEqual(alertNames());
    const runbooks = Array.from(rules.matchAll(/runbook: (\S+)/g), ([, link]) => link);
    expect(runbooks).toEqual(alertNames().map((name) => `docs/operating.md#${name.toLowerCase()}`));
  });

  it('has the severity page or ticket', () => {
    const severities = Array.from(rules.matchAll(/severity: (\w+)/g), ([, word]) => word);
    expect(severities).toHaveLength(alertNames().length);
    expect(new Set(severities)).toEqual(new Set(['page', 'ticket']));
  });
});
