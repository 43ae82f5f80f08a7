import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, inject, it } from 'vitest';
import { readAllBlocks, readBlock } from '../../scripts/docs/fenced-blocks.ts';
import { mintKey } from '../support/key-scenes.ts';
import { newUser, type Persona } from '../support/personas.ts';

const { url } = inject('stack');
const folder = mkdtempSync(join(tmpdir(), 'api-commands-'));
afterAll(() => rmSync(folder, { recursive: true }));

const commands = readAllBlocks().filter(
  ({ language, code }) => language === 'sh' && code.includes('$API/'),
);

/** Runs a command; an answer of 400 or more fails it. A machine may lack uuidgen. */
async function run(command: string, owner: Persona, keyId: string): Promise<string> {
  const line = command
    .replaceAll('curl ', 'curl --silent --show-error --fail ')
    .replaceAll('$(uuidgen)', randomUUID());
  const { stdout } = await promisify(execFile)('bash', ['-ec', line], {
    cwd: folder,
    env: { ...process.env, API: `${url}/api/v1`, JWT: owner.token, KEY_ID: keyId },
  });
  return stdout;
}

it.each(commands)('$page: succeeds: $firstLine', async ({ code }) => {
  const owner = await newUser();
  const { keyId } = await mintKey(owner);
  // a command that names keys gets some of this user's
  const samples = [...new Set(code.match(/avp_live_[0-9a-f]{12}/g) ?? [])];
  let line = code;
  for (const sample of samples) line = line.replaceAll(sample, (await mintKey(owner)).keyId);
  await run(line, owner, keyId);
});

it('the rotation with a grace period says until when the old secret works', async () => {
  const owner = await newUser();
  const { keyId, secret } = await mintKey(owner);
  const line = readBlock('docs/rotating.md', 'sh', 'graceSeconds');
  const { key } = JSON.parse(await run(line, owner, keyId));
  expect(key).toMatchObject({ keyId, secret: expect.not.stringMatching(secret) });
  const { data } = await owner.api.GET('/api/v1/proxy/keys/{id}', {
    params: { path: { id: keyId } },
  });
  const grace = Date.parse(data?.key.graceEndsAt ?? '') - Date.parse(data?.key.rotatedAt ?? '');
  expect(grace).toBe(30_000);
});

it('the rotation by a second key creates another key', async () => {
  const owner = await newUser();
  const { keyId } = await mintKey(owner);
  const line = readBlock('docs/rotating.md', 'sh', '"tier": "developer"');
  const { key } = JSON.parse(await run(line, owner, keyId));
  expect(key).toMatchObject({ tier: 'developer', active: true });
  expect(key.keyId).not.toBe(keyId);
});

it('the download of events is CSV', async () => {
  const owner = await newUser();
  const { keyId } = await mintKey(owner);
  await run(readBlock('docs/api.md', 'sh', '--output events.csv'), owner, keyId);
  expect(readFileSync(join(folder, 'events.csv'), 'utf8')).toMatch(
    /^eventId,apiKeyId,occurredAt,.*\r\n$/,
  );
});
