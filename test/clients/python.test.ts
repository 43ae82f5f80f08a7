import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, inject, it } from 'vitest';
import { newUser, password } from '../support/personas.ts';

const { url, publishableKey } = inject('stack');
/** A Python in which `supabase` is installed. */
const python = process.env.SUPABASE_PY_PYTHON;
const script = fileURLToPath(new URL('./journey.py', import.meta.url));

describe.skipIf(!python)('supabase-py', () => {
  it('makes all of a developer’s calls, and raises refusals as for any project', async () => {
    const { email } = await newUser();
    const running = promisify(execFile)(python ?? '', [script]);
    running.child.stdin?.end(JSON.stringify({ url, publishableKey, email, password }));
    const { versions, ...found } = JSON.parse((await running).stdout);
    console.log(versions);
    expect(found).toEqual({
      wrongPassword: { name: 'AuthApiError', status: 400, code: 'invalid_credentials' },
      secrets: [true, true, true, true],
      labels: ['by invoke', 'by rpc'],
      listed: 2,
      usage: 0,
      usageInvoked: 0,
      rpcRefusal: { name: 'APIError', code: 'PT409', hint: 'key_deleted' },
      refusal: { name: 'FunctionsHttpError', status: 409, code: 'key_deleted' },
      fieldRefusal: { name: 'FunctionsHttpError', status: 400, code: 'invalid_request' },
      late: { name: 'APIError', code: '42501', hint: null },
      lateInvoked: { name: 'FunctionsHttpError', status: 401, code: 'unauthorized' },
    });
  });
});
