// exactly 64 characters: a label or host may be a longer run of hex digits
const secret = /:?(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/gi;

/** Removes a key's secret from a typed text: users paste `keyId:secret` as a whole. */
export function withoutSecret(typed: string): string {
  return typed.replace(secret, '');
}
