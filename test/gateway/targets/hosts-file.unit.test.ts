import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { createHostsFile } from '../../../gateway/targets/hosts-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'hosts-'));
const path = join(folder, 'hosts');
let clock: number;
const hostsFile = () => createHostsFile({ path, now: () => clock });

beforeEach(() => {
  clock = 1_000;
  rmSync(path, { force: true });
});
afterAll(() => rmSync(folder, { recursive: true }));

test('gives each name all its addresses, and skips invalid lines', () => {
  writeFileSync(
    path,
    [
      '127.0.0.1\tlocalhost',
      '::1 localhost ip6-localhost # of IPv6',
      '10.0.0.7  DB.example. db',
      '10.0.0.8 db.example',
      '10.0.0.8 db.example',
      '# 10.0.0.9 db.example',
      'nonsense db.example',
      '10.0.0.10',
      '',
    ].join('\r\n'),
  );
  const hosts = hostsFile();
  expect(hosts.find('localhost')).toEqual([
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ]);
  const both = ['10.0.0.7', '10.0.0.8'].map((address) => ({ address, family: 4 }));
  expect(hosts.find('db.example')).toEqual(both);
  expect(hosts.find('db')).toEqual(both.slice(0, 1));
  expect(hosts.find('other.example')).toBeUndefined();
});

test('is read again after a change, at most a second later', () => {
  const hosts = hostsFile();
  const found = () => hosts.find('a')?.[0]?.address;
  expect(found()).toBeUndefined();
  writeFileSync(path, '10.0.0.1 a\n');
  clock += 999;
  expect(found()).toBeUndefined();
  clock += 1;
  expect(found()).toBe('10.0.0.1');
  // replaced by a file of the same size
  writeFileSync(`${path}.new`, '10.0.0.2 a\n');
  renameSync(`${path}.new`, path);
  clock += 1_000;
  expect(found()).toBe('10.0.0.2');
  rmSync(path);
  clock += 1_000;
  expect(found()).toBeUndefined();
});
