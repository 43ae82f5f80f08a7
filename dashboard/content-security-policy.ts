/**
 * The dashboard may load its own files and send requests to `connectTo`. Inline scripts and styles,
 * strings that become code or markup, and all other origins are blocked.
 */
export function contentSecurityPolicy(connectTo: string[]): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src ${["'self'", ...connectTo].join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
}

/** The headers for every file of the dashboard, wherever it is served. */
export function securityHeaders(connectTo: string[]): Record<string, string> {
  return {
    // only a header can set frame-ancestors: the page's meta element cannot
    'Content-Security-Policy': `${contentSecurityPolicy(connectTo)}; frame-ancestors 'none'`,
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=()',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  };
}
