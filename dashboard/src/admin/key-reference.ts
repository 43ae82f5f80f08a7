/** The whole keyId or uuid that a text is, in lower case; undefined for any other text. */
export function keyReference(text: string): string | undefined {
  const typed = text.trim().toLowerCase();
  return /^(avp_(live|test)_[0-9a-f]{12}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.test(typed)
    ? typed
    : undefined;
}
