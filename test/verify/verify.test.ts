import { expect, inject, it } from 'vitest';
import { verify } from '../../scripts/verify/verify.ts';
import { callCommand } from '../support/operator-command.ts';
import { newUser } from '../support/personas.ts';
import { runVerify } from './run-verify.ts';

const stack = inject('stack');
const { url, publishableKey } = stack;
const GATEWAY_DATABASE_URL = stack.gatewayDbUrl;

it('ten checks pass for a correct deployment', async () => {
  const { token } = await newUser();
  const verified = await runVerify({ url, publishableKey, token }, { GATEWAY_DATABASE_URL });
  expect(verified.wrong).toEqual({});
  expect(verified.fine).toHaveLength(10);
  expect(verified.code).toBe(0);
});

it('leaves one deleted test key, prints its id, and shows no token and no secret', async () => {
  const user = await newUser();
  const verified = await runVerify({ url, publishableKey, token: user.token });
  const { data: keys } = await user.supabase
    .from('proxy_key_summaries')
    .select('key_id, active, live_mode');
  const named = /avp_test_[0-9a-f]{12}/.exec(verified.output)?.[0];
  expect(keys).toEqual([{ key_id: named, active: false, live_mode: false }]);
  expect(verified.output).not.toContain(user.token);
  expect(verified.output).not.toMatch(/[0-9a-f]{64}/);
});

it('without a gateway login, the last check is skipped, and the output says what it needs', async () => {
  const { token } = await newUser();
  const verified = await runVerify({ url, publishableKey, token });
  expect(verified.code).toBe(0);
  expect(verified.fine).not.toContain('gateway');
  expect(verified.output).toMatch(/^- +gateway +.*GATEWAY_DATABASE_URL/m);
});

it.each([
  ['an empty command line', []],
  ['a missing token', ['--url', url, '--publishable-key', publishableKey]],
  ['an invalid URL', ['--url', 'x', '--publishable-key', 'k', '--token', 't']],
  [
    'clear text over a network',
    ['--url', 'http://project.example', '--publishable-key', 'k', '--token', 't'],
  ],
  ['an unknown option', ['--secret-key', 'x']],
])('%s is refused before anything is sent', async (_, args) => {
  const { code, stderr } = await callCommand((given, __, out) => verify(given, {}, out), args, '');
  expect(code).toBe(1);
  expect(stderr).not.toBe('');
});

it('a project that does not answer fails every check with a message, and the run ends', async () => {
  const verified = await runVerify({ url: 'http://127.0.0.1:9', publishableKey, token: 'x.y.z' });
  expect(verified.code).toBe(1);
  expect(verified.wrong.project).toMatch(/^no answer from http:\/\/127\.0\.0\.1:9 /);
});
