import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { freePort, loopback } from '../../scripts/stack/ports.ts';
import { locateDeno } from '../../scripts/stack/programs.ts';
import { readProjectConfig } from '../../scripts/stack/project-config.ts';
import { projectRoot } from '../../scripts/stack/project-root.ts';
import {
  startProgram,
  type ThrowAwayProgram,
  takesConnections,
} from '../../scripts/throw-away-program.ts';
import { deployFunctions } from '../support/deploy-functions.ts';
import type { ManagementApi, UploadedFunction } from '../support/management-api.ts';
import { newAdmin, newUser } from '../support/personas.ts';

const stack = inject('stack');
const configured = Object.keys(readProjectConfig().functions).sort();
/** The largest function that the platform accepts. */
const platformLimit = 20_000_000;

let platform: ManagementApi;
beforeAll(async () => {
  platform = await deployFunctions();
});

function upload(slug: string): UploadedFunction {
  const found = platform.uploaded.find((each) => each.slug === slug);
  if (!found) throw new Error(`${slug} was not uploaded`);
  return found;
}

it('every function in config.toml is deployed, and checks tokens itself', () => {
  expect(platform.uploaded.map(({ slug }) => slug).sort()).toEqual(configured);
  expect(platform.uploaded.map(({ metadata }) => metadata.verify_jwt)).not.toContain(true);
  expect(platform.inService.map(({ slug }) => slug).sort()).toEqual(configured);
  expect(platform.inService.map(({ verify_jwt }) => verify_jwt)).not.toContain(true);
  expect(platform.unknown).toEqual([]);
});

describe.each(configured)('the upload of function %s', (slug) => {
  it('contains only sources of the checkout: no package, no test, no file with a secret', () => {
    const { files } = upload(slug);
    for (const [path, content] of files) {
      expect(path).toMatch(
        /^supabase\/functions\/(_shared|admin|api|deliver|deliver\/formats)\/[\w.-]+\.(ts|json)$/,
      );
      expect(path).not.toMatch(/test/);
      expect(content).toBe(readFileSync(join(projectRoot, path), 'utf8'));
      expect(content).not.toMatch(
        /sb_secret_\w|sbp_[0-9a-f]{40}|avp_(live|test)_[0-9a-f]{12}:[0-9a-f]{64}|PRIVATE KEY/,
      );
    }
  });

  it("is within the platform's size limit", () => {
    expect(upload(slug).bytes).toBeGreaterThan(1000);
    expect(upload(slug).bytes).toBeLessThan(platformLimit);
  });
});

/** Links only the packages that an import map names into a folder, as `npm ci` installed them. */
function linkPackages(folder: string, importMap: string): void {
  const { imports } = JSON.parse(importMap) as { imports: Record<string, string> };
  for (const address of Object.values(imports)) {
    const [, name = ''] = /^npm:((?:@[^/]+\/)?[^@/]+)@/.exec(address) ?? [];
    const link = join(folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    if (!existsSync(link)) symlinkSync(join(projectRoot, 'node_modules', name), link);
  }
}

/** Starts a function under Deno with only its upload. */
async function runUploaded(slug: string): Promise<ThrowAwayProgram & { url: string }> {
  const { files, metadata } = upload(slug);
  const port = await freePort();
  const jwks = await fetch(`${stack.url}/auth/v1/.well-known/jwks.json`);
  const env = {
    SUPABASE_URL: stack.url,
    SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: stack.publishableKey }),
    SUPABASE_SECRET_KEYS: JSON.stringify({ default: stack.secretKey }),
    SUPABASE_JWKS: await jwks.text(),
    DENO_NO_UPDATE_CHECK: '1',
  };
  const program = await startProgram({
    name: `uploaded function ${slug}`,
    command: locateDeno(),
    args(folder) {
      for (const [path, content] of files) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), content);
      }
      linkPackages(folder, files.get(metadata.import_map_path) ?? '');
      return [
        'serve',
        '--quiet',
        `--host=${loopback}`,
        `--port=${port}`,
        // as on the platform: only the import map of deno.json counts
        '--no-config',
        `--import-map=${metadata.import_map_path}`,
        '--node-modules-dir=manual',
        '--cached-only',
        '--no-lock',
        '--allow-env',
        `--allow-net=${new URL(stack.url).host}`,
        metadata.entrypoint_path,
      ];
    },
    env: (folder) => ({ ...env, DENO_DIR: join(folder, 'deno') }),
    ready: () => takesConnections(port),
  });
  return { ...program, url: `http://${loopback}:${port}` };
}

it('function api runs from its upload alone: it is healthy, and a user mints a key', async () => {
  await using api = await runUploaded('api');
  const { token } = await newUser();
  const health = await fetch(`${api.url}/api/v1/health`);
  expect([health.status, await health.json()]).toEqual([200, { status: 'ok' }]);
  const minted = await fetch(`${api.url}/api/v1/proxy/keys`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ label: 'deployed' }),
  });
  expect(minted.status).toBe(201);
  expect(await minted.json()).toMatchObject({ key: { label: 'deployed', active: true } });
});

it('function admin runs from its upload alone: it distinguishes an admin from a user', async () => {
  await using admin = await runUploaded('admin');
  const statusFor = async ({ token }: { token: string }) => {
    const headers = { Authorization: `Bearer ${token}` };
    return (await fetch(`${admin.url}/admin/proxy/keys`, { headers })).status;
  };
  expect(await statusFor(await newUser())).toBe(403);
  expect(await statusFor(await newAdmin())).toBe(200);
});
