import { describe, expect, it } from 'vitest';
import { pickByVersion, readVersion } from './postgrest-version.ts';

describe('the answer of a version of PostgREST', () => {
  const answers = { 12: 'first', '14.2': 'narrowed', 16: 'last' };

  it.each([
    [[12, 0, 2], 'first'],
    [[14, 1], 'first'],
    [[14, 2], 'narrowed'],
    [[14, 17], 'narrowed'],
    [[16, 2], 'last'],
  ])('for %j is that of the newest entry not newer than it: %s', (version, answer) => {
    expect(pickByVersion(version, answers)).toBe(answer);
  });

  it('is unknown before the first entry', () => {
    expect(() => pickByVersion([11, 2], answers)).toThrow('11.2');
  });
});

describe('the version of PostgREST', () => {
  it.each([
    ['postgrest/12.0.2', [12, 0, 2]],
    ['postgrest/14.17', [14, 17]],
    ['postgrest/17 (pre-release) (4834678)', [17]],
  ])('is read from %s', (server, version) => {
    expect(readVersion(server)).toEqual(version);
  });

  it.each([null, '', 'nginx/1.2'])('is not guessed from %j', (server) => {
    expect(() => readVersion(server)).toThrow('no version');
  });
});
