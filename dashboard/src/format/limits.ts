import type { Key, Tier } from '../data/key.ts';
import { bytes, counted } from './amount.ts';

/** Each limit of a key, by the name of its column. */
export const limits = {
  bandwidth_limit_bytes: {
    name: 'Bytes per month',
    words: (value: number) => `${bytes(value)} per month`,
  },
  rate_limit: {
    name: 'Connections per second',
    words: (value: number) => `${counted(value, 'connection')} per second`,
  },
  tunnel_limit: {
    name: 'Concurrent connections',
    words: (value: number) => `${counted(value, 'concurrent connection')}`,
  },
} as const;

export type LimitName = keyof typeof limits;
export const limitNames = Object.keys(limits) as LimitName[];

/** The limits of a key or a tier: “5 GB per month, 10 connections per second, …”. */
export function limitWords(of: Key | Tier): string {
  return limitNames.map((name) => limits[name].words(of[name])).join(', ');
}
