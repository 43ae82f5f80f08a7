// What a page for everybody may carry, as its build and the page itself judge it.

/** The origin of an http or https URL; undefined for anything else. */
export function httpOrigin(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const url = URL.parse(value);
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
  // a URL's host may hold what ends a directive of the policy, or a word of a shell
  return isHttp && /^[\w.:[\]-]+$/.test(url.host) ? url.origin : undefined;
}

/** Whether it is the number of a port. */
export function isPort(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536;
}

/** Whether it is a publishable key, by its prefix, or a legacy anon key, by the role in its token. */
export function isPublicKey(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  if (/^sb_publishable_[\w-]+$/.test(value)) return true;
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(value)) return false;
  const claims = (value.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
  try {
    return JSON.parse(atob(claims))?.role === 'anon';
  } catch {
    return false;
  }
}
