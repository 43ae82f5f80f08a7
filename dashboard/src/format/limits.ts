import type { Tier } from '../data/key.ts';
import { bytes, number } from './amount.ts';

/** What a key of a tier may use: “5 GB a month, 10 connections a second, 100 open at once”. */
export function limitWords(tier: Tier): string {
  return `${bytes(tier.bandwidth_limit_bytes)} a month, ${number(tier.rate_limit)} connections a second, ${number(tier.tunnel_limit)} open at once`;
}
