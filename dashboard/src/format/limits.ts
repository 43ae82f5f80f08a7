import type { Key, Tier } from '../data/key.ts';
import { bytes, counted } from './amount.ts';

/** Each limit of a key, by the name of its column. */
export const limits = {
  bandwidth_limit_bytes: {
    name: 'Bytes a month',
    words: (value: number) => `${bytes(value)} a month`,
  },
  rate_limit: {
    name: 'Connections a second',
    words: (value: number) => `${counted(value, 'connection')} a second`,
  },
  tunnel_limit: {
    name: 'Connections open at once',
    words: (value: number) => `${counted(value, 'connection')} open at once`,
  },
} as const;

export type LimitName = keyof typeof limits;
export const limitNames = Object.keys(limits) as LimitName[];

/** What a key, or one of a tier, may use: “5 GB a month, 10 connections a second, …”. */
export function limitWords(of: Key | Tier): string {
  return limitNames.map((name) => limits[name].words(of[name])).join(', ');
}
