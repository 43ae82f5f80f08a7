// no more and no less: a label or a host may be long and all of such characters
const secret = /:?(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/gi;

/** What was typed, without a key's secret: who has `keyId:secret` at hand pastes it whole. */
export function withoutSecret(typed: string): string {
  return typed.replace(secret, '');
}
