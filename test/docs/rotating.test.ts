import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, inject, it } from 'vitest';
import { projectRoot } from '../../scripts/stack/project-root.ts';
import { mintKey } from '../support/key-scenes.ts';
import { newUser, type Persona } from '../support/personas.ts';

const { url } = inject('stack');

/** The one command of a document that has `part` in it. */
function command(document: string, part: string): string {
  const text = readFileSync(join(projectRoot, 'docs', document), 'utf8');
  const found = [...text.matchAll(/^ *```sh\n([\s\S]*?)```/gm)]
    .map(([, body = '']) => body)
    .filter((body) => body.includes(part));
  expect(found).toHaveLength(1);
  return found[0] ?? '';
}

async function run(line: string, owner: Persona, keyId: string): Promise<string> {
  const { stdout } = await promisify(execFile)('bash', ['-c', `${line.trimEnd()} --silent`], {
    env: { ...process.env, API: `${url}/api/v1`, JWT: owner.token, KEY_ID: keyId },
  });
  return stdout;
}

/** A machine may be without uuidgen. */
const withUuid = (line: string) => line.replaceAll('$(uuidgen)', randomUUID());

describe('the runbook of rotating', () => {
  it('rotates with a grace by its command, and says until when', async () => {
    const owner = await newUser();
    const { keyId, secret } = await mintKey(owner);
    const line = withUuid(command('rotating.md', 'graceSeconds'));
    const { key } = JSON.parse(await run(line, owner, keyId));
    expect(key).toMatchObject({ keyId, secret: expect.not.stringMatching(secret) });
    const { data } = await owner.api.GET('/api/v1/proxy/keys/{id}', {
      params: { path: { id: keyId } },
    });
    const grace = Date.parse(data?.key.graceEndsAt ?? '') - Date.parse(data?.key.rotatedAt ?? '');
    expect(grace).toBe(30_000);
  });

  it('mints the second key by its command', async () => {
    const owner = await newUser();
    const { keyId } = await mintKey(owner);
    const line = withUuid(command('rotating.md', '"tier": "developer"'));
    const { key } = JSON.parse(await run(line, owner, keyId));
    expect(key).toMatchObject({ tier: 'developer', active: true });
    expect(key.keyId).not.toBe(keyId);
  });
});

describe('the API in detail', () => {
  it('downloads events as CSV by its command', async () => {
    const owner = await newUser();
    const { keyId } = await mintKey(owner);
    const line = command('api.md', '--output events.csv').replace(
      '--output events.csv',
      '--output -',
    );
    expect(await run(line, owner, keyId)).toMatch(/^eventId,apiKeyId,occurredAt,.*\r\n$/);
  });
});
