import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { haveHash, parseCredentials } from '../../../gateway/keys/credentials.ts';
import { askBy, keyOf } from '../../support/both-ways.ts';
import { calls } from '../../support/calls.ts';
import { connectGateway, newUser } from '../../support/personas.ts';
import { hashSecret } from '../../support/seeded-keys.ts';

const gateway = connectGateway(1);
afterAll(() => gateway.end());

const keyId = 'avp_live_0123456789ab';
const secret = '0123456789abcdef'.repeat(4);
const pair = `${keyId}:${secret}`;
const basic = (text: string | Buffer) => `Basic ${Buffer.from(text).toString('base64')}`;

it('a valid pair becomes its keyId and the SHA-256 that the database keeps', () => {
  const expected = Buffer.from(hashSecret(keyId, secret), 'hex');
  expect(parseCredentials(basic(pair))).toEqual({ keyId, secretHash: expected });
  const test = `avp_test_0123456789ab:${secret}`;
  expect(parseCredentials(basic(test))?.keyId).toBe('avp_test_0123456789ab');
});

const encoded = Buffer.from(pair).toString('base64');

it.each([
  ['the scheme in lower case', `basic ${encoded}`],
  ['the scheme in upper case', `BASIC ${encoded}`],
  ['several spaces after the scheme', `Basic   ${encoded}`],
  ['spaces at the end', `Basic ${encoded}  `],
  ['no padding', `Basic ${encoded.replace(/=+$/, '')}`],
  ['the URL alphabet', `Basic ${Buffer.from(pair).toString('base64url')}`],
])('%s is equivalent', (_, header) => {
  expect(parseCredentials(header)).toEqual(parseCredentials(basic(pair)));
});

describe('invalid credentials', () => {
  it.each([
    ['no header', undefined],
    ['an empty header', ''],
    ['only a scheme', 'Basic'],
    ['a scheme and a space', 'Basic '],
    ['another scheme', `Bearer ${encoded}`],
    ['a scheme with the same start', `Basicx ${encoded}`],
    ['no scheme', encoded],
    ['no space after the scheme', `Basic${encoded}`],
    ['a tab after the scheme', `Basic\t${encoded}`],
    ['a pair that is not encoded', `Basic ${pair}`],
    ['characters outside base64', `Basic ${encoded.slice(0, 20)}!${encoded.slice(21)}`],
    ['a space within', `Basic ${encoded.slice(0, 20)} ${encoded.slice(20)}`],
    ['padding within', `Basic ${encoded.slice(0, 20)}==${encoded.slice(20)}`],
    ['too much padding', `Basic ${encoded}==`],
    ['a part of it', `Basic ${encoded.slice(0, 60)}`],
    ['two of them', `Basic ${encoded}, Basic ${encoded}`],
    ['a line after it', `Basic ${encoded}\n`],
    ['no colon', basic(keyId + secret)],
    ['two colons', basic(`${keyId}::${secret}`)],
    ['a colon after it', basic(`${pair}:`)],
    ['only the secret', basic(`:${secret}`)],
    ['only the keyId', basic(`${keyId}:`)],
    ['the two swapped', basic(`${secret}:${keyId}`)],
    ['a NUL before the colon', basic(`${keyId}\0:${secret}`)],
    ['a NUL after it', basic(`${pair}\0`)],
    ['a NUL before it', basic(`\0${pair}`)],
    ['a line break after it', basic(`${pair}\n`)],
    ['a space before it', basic(` ${pair}`)],
    ['a space after it', basic(`${pair} `)],
    ['a secret in upper case', basic(`${keyId}:${secret.toUpperCase()}`)],
    ['a keyId in upper case', basic(`avp_live_0123456789AB:${secret}`)],
    ['a prefix in upper case', basic(`AVP_LIVE_0123456789ab:${secret}`)],
    ['another prefix', basic(`avp_prod_0123456789ab:${secret}`)],
    ['a short keyId', basic(`${keyId.slice(0, -1)}:${secret}`)],
    ['a long keyId', basic(`${keyId}0:${secret}`)],
    ['a short secret', basic(pair.slice(0, -1))],
    ['a long secret', basic(`${pair}0`)],
    ['a letter that is not hexadecimal', basic(`${keyId}:${secret.slice(1)}g`)],
    ['a non-ASCII letter', basic(`${keyId}:${secret.slice(1)}é`)],
    ['a non-ASCII digit', basic(`${keyId}:${secret.slice(1)}٣`)],
    // a decoder that drops the high bit would read a zero
    ['a byte with its high bit set', basic(Buffer.from(`${pair.slice(0, -1)}\xb0`, 'latin1'))],
    ['UTF-16', basic(Buffer.from(pair, 'utf16le'))],
    ['16 KB of base64', `Basic ${'A'.repeat(16_384)}`],
    ['16 KB of spaces', `Basic${' '.repeat(16_384)}`],
    ['16 KB of padding', `Basic A${'='.repeat(16_384)}`],
    ['16 KB with a valid start', basic(pair + '0'.repeat(16_384))],
    ['random bytes', `Basic ${randomBytes(86).toString('base64')}`],
  ])('%s', (_, header) => {
    expect(parseCredentials(header)).toBeNull();
  });
});

it('the secret is not kept', () => {
  const credentials = parseCredentials(basic(pair));
  expect(Object.keys(credentials ?? {})).toEqual(['keyId', 'secretHash']);
  expect(JSON.stringify(credentials)).not.toContain(secret);
});

it('a hash is compared in full, and one of another length differs', () => {
  const credentials = parseCredentials(basic(pair));
  if (!credentials) throw new Error('no credentials');
  const { secretHash } = credentials;
  expect(haveHash(credentials, new Uint8Array(secretHash))).toBe(true);
  expect(haveHash(credentials, secretHash.with(0, (secretHash[0] ?? 0) ^ 1))).toBe(false);
  expect(haveHash(credentials, secretHash.with(-1, (secretHash.at(-1) ?? 0) ^ 1))).toBe(false);
  for (const length of [0, 1, 31, 33, 64]) {
    const other = Buffer.concat([secretHash, secretHash]).subarray(0, length);
    expect(haveHash(credentials, other)).toBe(false);
  }
});

it('the hash of a minted key is the one in the database, until it is rotated', async () => {
  const owner = await newUser();
  const key = keyOf(await askBy.rpc(calls.mint(owner, { label: 'parsed' })));
  const minted = parseCredentials(basic(key.basicAuth));
  if (!minted) throw new Error('no credentials');
  const kept = async () => {
    const [row] = await gateway<{ secret_hash: Buffer }[]>`
      select secret_hash from gateway.lookup_proxy_key(${minted.keyId})`;
    return row?.secret_hash ?? new Uint8Array();
  };
  expect(haveHash(minted, await kept())).toBe(true);

  const rotated = keyOf(await askBy.rpc(calls.rotate(owner, key.id)));
  const renewed = parseCredentials(basic(rotated.basicAuth));
  if (!renewed) throw new Error('no credentials');
  expect(renewed.keyId).toBe(minted.keyId);
  expect(haveHash(minted, await kept())).toBe(false);
  expect(haveHash(renewed, await kept())).toBe(true);
});
