import { expect, it } from 'vitest';
import { BusiestKeys } from '../../../gateway/usage/busiest-keys.ts';

function scene() {
  const lines: object[] = [];
  let time = 0;
  const keys = new BusiestKeys({
    log: { info: (line: object) => lines.push(line) },
    now: () => time,
  });
  return { keys, lines, pass: (ms: number) => (time += ms) };
}

it('logs the five keys that moved most, once per minute', () => {
  const { keys, lines, pass } = scene();
  for (let key = 1; key <= 7; key += 1) keys.add(`key-${key}`, key * 10);
  keys.add('key-1', 100);
  pass(59_999);
  keys.sweep();
  expect(lines).toEqual([]);
  pass(1);
  keys.sweep();
  expect(lines).toEqual([
    {
      keys: 7,
      busiest: [
        { apiKeyId: 'key-1', bytes: 110 },
        { apiKeyId: 'key-7', bytes: 70 },
        { apiKeyId: 'key-6', bytes: 60 },
        { apiKeyId: 'key-5', bytes: 50 },
        { apiKeyId: 'key-4', bytes: 40 },
      ],
    },
  ]);
});

it('logs nothing for a minute without traffic, and forgets the previous one', () => {
  const { keys, lines, pass } = scene();
  keys.add('key-1', 10);
  pass(60_000);
  keys.sweep();
  pass(60_000);
  keys.sweep();
  expect(lines).toHaveLength(1);
});
