import { inject } from 'vitest';

/** The URL of the dashboard with one of its paths, such as `/keys`. */
export function dashboardUrl(path = '/'): string {
  return `${inject('stack').url}/developer/#${path}`;
}
