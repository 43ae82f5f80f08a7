import { hash, timingSafeEqual } from 'node:crypto';

/** The key that a client claims to hold. The secret itself is not kept. */
export interface Credentials {
  keyId: string;
  /** SHA-256 over the ASCII bytes of `keyId:secret`, as the database keeps it. */
  secretHash: Buffer;
}

const keyIdForm = /^avp_(?:live|test)_[0-9a-f]{12}$/;
const pair = /^(avp_(?:live|test)_[0-9a-f]{12}):[0-9a-f]{64}$/;
const basic = /^basic +([A-Za-z0-9+/_-]+={0,2}) *$/i;

/** Whether a text has the form of a keyId. */
export function isKeyId(text: string): boolean {
  return keyIdForm.test(text);
}

/** Reads a `Proxy-Authorization` or `Authorization` header; null when it is missing or not `keyId:secret` as Basic. */
export function parseCredentials(header: string | undefined): Credentials | null {
  const encoded = basic.exec(header ?? '')?.[1];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString('latin1');
  const keyId = pair.exec(text)?.[1];
  if (keyId === undefined) return null;
  return { keyId, secretHash: hash('sha256', text, 'buffer') };
}

/** Whether the credentials have this hash, in constant time. */
export function haveHash(credentials: Credentials, secretHash: Uint8Array): boolean {
  return (
    secretHash.length === credentials.secretHash.length &&
    timingSafeEqual(secretHash, credentials.secretHash)
  );
}
