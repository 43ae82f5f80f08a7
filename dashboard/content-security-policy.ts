/**
 * What the dashboard may load and do: its own files, and requests to `connectTo`. No inline script or
 * style, no string ever becomes code or markup, nothing from any other origin.
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

/** The headers that go with every file of the dashboard, wherever it is served. */
export function securityHeaders(connectTo: string[]): Record<string, string> {
  return {
    // a frame's parent can be refused by a header alone, and not by the page's own meta element
    'Content-Security-Policy': `${contentSecurityPolicy(connectTo)}; frame-ancestors 'none'`,
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=()',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  };
}
