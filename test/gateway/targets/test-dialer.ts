import type { Socket } from 'node:net';
import { pino } from 'pino';
import { Descriptors } from '../../../gateway/descriptors.ts';
import { Dialer, dial as dialWith } from '../../../gateway/targets/dialer.ts';
import type { Target, TargetPolicy } from '../../../gateway/targets/target-policy.ts';

/** More descriptors than any test needs. */
const plenty = new Descriptors(100_000);
const log = pino({ level: 'silent' });

/** Resolves and connects as a gateway does. */
export function connectTarget(
  policy: TargetPolicy,
  host: string,
  port: number,
  options: { keyId: string; timeoutMs: number; giveUp?: AbortController },
): Promise<{ socket: Socket; target: Target }> {
  const { keyId, timeoutMs, giveUp = new AbortController() } = options;
  const dialer = new Dialer({ policy, descriptors: plenty, timeoutMs, log });
  return dialer.connect({ host, port }, keyId, giveUp);
}

export function dial(target: Target, signal?: AbortSignal): Promise<Socket> {
  return dialWith(target, plenty, signal);
}
