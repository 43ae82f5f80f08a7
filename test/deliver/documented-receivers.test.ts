import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { readBlock } from '../../scripts/docs/fenced-blocks.ts';
import { freePort, loopback } from '../../scripts/stack/ports.ts';
import { locateDeno } from '../../scripts/stack/programs.ts';
import { projectRoot } from '../../scripts/stack/project-root.ts';
import { newCustomer } from './customer.ts';

const withoutPython =
  spawnSync('python3', ['--version']).error !== undefined && !process.env.REQUIRE_CLIENTS;

const programs = {
  js: [process.execPath, 'receiver.mjs'],
  python: ['python3', 'receiver.py'],
  ts: [locateDeno(), 'receiver.ts'],
} as const;
const before: Partial<Record<keyof typeof programs, string[]>> = {
  ts: [
    'run',
    '--quiet',
    '--node-modules-dir=manual',
    '--cached-only',
    '--no-lock',
    '--allow-net',
    '--allow-env',
  ],
};

it.each(Object.keys(programs) as (keyof typeof programs)[])(
  'the receiver from the docs accepts an alert and refuses a forged one: %s',
  async (language) => {
    if (language === 'python' && withoutPython) return;
    // inside the project, so that the npm packages are found
    const folder = mkdtempSync(join(projectRoot, '.receiver-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const [command, file] = programs[language];
    writeFileSync(join(folder, file), readBlock('docs/alerts.md', language, 'webhook'));
    const port = await freePort();
    const url = `http://${loopback}:${port}/`;
    const { webhook, mint } = await newCustomer(url);
    const child = spawn(command, [...(before[language] ?? []), join(folder, file)], {
      cwd: folder,
      env: { ...process.env, PORT: String(port), WEBHOOK_SECRET: webhook.secret ?? '' },
    });
    onTestFinished(async () => {
      child.kill('SIGKILL');
      if (child.exitCode === null) await once(child, 'exit');
    });
    let printed = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        printed += text;
      });
    }
    const forged = await vi.waitFor(
      () =>
        fetch(url, {
          method: 'POST',
          headers: {
            'webhook-id': 'forged',
            'webhook-timestamp': String(Math.floor(Date.now() / 1_000)),
            'webhook-signature': `v1,${Buffer.alloc(32).toString('base64')}`,
          },
          body: '{"type": "key.quota", "data": {}}',
        }),
      { timeout: 60_000 },
    );
    expect(forged.status, printed).toBe(401);
    await mint();
    await expect.poll(() => printed).toMatch(/^[0-9a-f-]{36} key\.minted avp_live_[0-9a-f]{12}$/m);
    expect(printed).not.toMatch(/^forged/m);
  },
);
