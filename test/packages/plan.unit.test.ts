import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { planInstallation } from '../../scripts/packages/create/plan.ts';
import { readProject } from '../../scripts/packages/create/project.ts';

it('an installation of a later version adds only the new migrations, after all others', () => {
  const folder = mkdtempSync(join(tmpdir(), 'plan-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  for (const name of ['_proxy_keys', 'api', 'admin', 'deliver']) {
    write(`template/functions/${name}/index.ts`, '');
  }
  write('template/page/index.html', '');
  write('template/migrations/20261122000000_1_0_0.sql', 'first');
  write('template/migrations/20270101000000_notes.sql', 'second');
  write('template/migrations/20270202000000_more.sql', 'third');
  write('project/supabase/config.toml', '');
  write('project/supabase/migrations/20261201000000_proxy_keys_1_0_0.sql', 'first');
  write('project/supabase/migrations/29990101000000_theirs.sql', '');

  const project = readProject(join(folder, 'project'));
  const { files } = planInstallation(project, join(folder, 'template'), new Date());
  const migrations = files.filter(({ path }) => path.startsWith('supabase/migrations/'));
  expect(migrations.map(({ path, content }) => [path, content.toString()])).toEqual([
    ['supabase/migrations/29990101000001_proxy_keys_notes.sql', 'second'],
    ['supabase/migrations/29990101000002_proxy_keys_more.sql', 'third'],
  ]);
});
