// Checks for values in a public page, used by the build and by the page.

/** The origin of an http or https URL; undefined for anything else. */
export function httpOrigin(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const url = URL.parse(value);
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
  // a URL's host may contain characters that end a policy directive or a shell word
  return isHttp && /^[\w.:[\]-]+$/.test(url.host) ? url.origin : undefined;
}

/** Whether the value is a port number. */
export function isPort(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536;
}

/** Whether the value is a publishable key (by its prefix) or a legacy anon key (by the role in its token). */
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
