import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import sirv from 'sirv';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { projectRoot } from '../../../scripts/stack/project-root.ts';
import { newUser, password } from '../../personas.ts';
import { browser, withoutChromium } from './chromium.ts';

const stack = inject('stack');
let folder: string;
const files = createServer((request, response) => {
  const path = /^\/some\/path(\/.*)$/.exec(request.url ?? '')?.[1];
  const absent = () => {
    response.writeHead(404).end();
  };
  if (!path) return absent();
  request.url = path;
  // the plainest of hosts: no headers, no rules, no compression
  sirv(join(folder, 'dist'), { dev: true })(request, response, absent);
});

describe.skipIf(withoutChromium)('a build on a static host of another origin', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'proxy-keys-static-'));
    await promisify(execFile)('node', ['scripts/build.ts'], {
      cwd: projectRoot,
      env: {
        ...process.env,
        DASHBOARD_OUT_DIR: join(folder, 'dist'),
        SUPABASE_URL: stack.url,
        SUPABASE_PUBLISHABLE_KEY: stack.publishableKey,
        PROXY_GATEWAY_URL: stack.gatewayUrl,
      },
    });
    files.listen(0, '127.0.0.1');
    await once(files, 'listening');
  });
  afterAll(() => {
    files.close();
    rmSync(folder, { recursive: true });
  });

  it('serves a user of the project that it was built for, below any path', async () => {
    const user = await newUser();
    await user.supabase.rpc('mint_proxy_key', { label: 'from afar' });
    const page = await (await browser()).newPage();
    const errors: string[] = [];
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    const { port } = files.address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${port}/some/path/#/keys`);
    await page.getByLabel('E-mail address').fill(user.email);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('link', { name: 'from afar' }).click();
    await page.getByRole('heading', { name: 'from afar', level: 1 }).waitFor();
    expect(errors).toEqual([]);
    // the policy is in the page itself
    const elsewhere = await page.evaluate(() =>
      fetch('http://127.0.0.1:1/').then(
        () => 'sent',
        () => 'refused',
      ),
    );
    expect(elsewhere).toBe('refused');
    expect(errors.at(-1)).toContain('Content Security Policy');
    await page.close();
  });
});
