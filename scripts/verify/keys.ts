import { type Answer, call, codeOf, connect, type Project, Unexpected } from './project.ts';

const path = '/functions/v1/api/v1/proxy/keys';

/** Mints a test key over HTTP, reads and rotates it over supabase-js, and deletes it over HTTP. */
export async function checkKeys(project: Project): Promise<string> {
  const minted = await call(project, path, {
    method: 'POST',
    json: { label: 'npm run verify', liveMode: false },
  });
  expect(minted, 201, 'minting');
  const { id, keyId } = (minted.body as { key: { id: string; keyId: string } }).key;
  try {
    await readBothWays(project, id);
  } finally {
    expect(await call(project, `${path}/${id}`, { method: 'DELETE' }), 204, 'deleting');
  }
  const after = await call(project, `${path}/${id}`);
  expect(after, 200, 'reading the deleted key');
  if ((after.body as { key?: { active?: unknown } }).key?.active !== false) {
    throw new Unexpected(`the key ${keyId} is still active after its deletion`);
  }
  return `minted, rotated, read both ways and deleted: ${keyId} stays in the user's list as deleted`;
}

async function readBothWays(project: Project, id: string): Promise<void> {
  const supabase = connect(project);
  const rotated = await supabase.rpc('rotate_proxy_key', { id });
  if (rotated.error) throw new Unexpected(`rotating over supabase-js: ${rotated.error.code}`);
  const listed = await supabase.from('proxy_key_summaries').select('id').eq('id', id);
  if (listed.error || listed.data.length !== 1) {
    throw new Unexpected(
      `reading over supabase-js: ${listed.error?.code ?? 'the key is not listed'}`,
    );
  }
  expect(await call(project, `${path}/${id}`), 200, 'reading the key');
  expect(await call(project, '/functions/v1/api/v1/proxy/usage'), 200, 'reading usage');
  // an unknown field must be refused with a code
  const refused = await call(project, path, { method: 'POST', json: { label: 'x', unknown: 1 } });
  expect(refused, 400, 'minting with an unknown field');
}

function expect(answer: Answer, status: number, what: string): void {
  if (answer.status === status) return;
  const code = codeOf(answer);
  if (answer.status === 401) {
    throw new Unexpected(
      `${what} is refused (401 ${code}) although Supabase Auth accepts the token: the function checks other keys than the project publishes; deploy it again, and remove SUPABASE_JWKS from its secrets`,
    );
  }
  if (code === 'key_limit_reached' || code === 'rate_limited') {
    throw new Unexpected(
      `${what} is refused (${code}): use a user with fewer keys, or try again later`,
    );
  }
  throw new Unexpected(`${what} returns ${answer.status} (${code ?? 'no code'}), not ${status}`);
}
