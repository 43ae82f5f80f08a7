import type { Stack } from '../../stack/stack.ts';
import type { BenchKey } from '../gateway/bench-keys.ts';

export type Revocation = 'rotate' | 'delete';

const routes = {
  rotate: { method: 'POST', path: '/rotate', expect: 200 },
  delete: { method: 'DELETE', path: '', expect: 204 },
} as const;

/** When the answer to a revocation came, and the new `keyId:secret` where there is one. */
export interface Revoked {
  answeredAt: number;
  pair: string | null;
}

/** Rotates or deletes a key by its route, as its owner. */
export async function revoke(
  { url }: Pick<Stack, 'url'>,
  { id, owner }: BenchKey,
  how: Revocation,
): Promise<Revoked> {
  const { method, path, expect } = routes[how];
  const response = await fetch(`${url}/api/v1/proxy/keys/${id}${path}`, {
    method,
    headers: { Authorization: `Bearer ${owner.token}` },
  });
  const body = await response.text();
  const answeredAt = performance.now();
  if (response.status !== expect) {
    throw new Error(`${how} answered ${response.status} instead of ${expect}: ${body}`);
  }
  const pair = body ? (JSON.parse(body) as { key: { basicAuth: string } }).key.basicAuth : null;
  return { answeredAt, pair };
}
