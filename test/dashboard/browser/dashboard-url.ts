import { inject } from 'vitest';

/** Where the dashboard is, behind it a path of its own, as `/keys`. */
export function dashboardUrl(path = '/'): string {
  return `${inject('stack').url}/developer/#${path}`;
}
