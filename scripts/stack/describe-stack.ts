import { apiDocsPath } from './api-docs.ts';
import { dashboardPath } from './dashboard-path.ts';
import { locateAuth } from './programs.ts';
import type { Stack } from './stack.ts';

/** The demo user of `demo.sql`. */
export const demoUser = { email: 'demo@example.com', password: 'proxy-keys-demo' };

/** Describes how to use a running stack: its URLs, its keys, a token and curl commands to paste. */
export async function describeStack(stack: Stack): Promise<string> {
  const token = await signInDemoUser(stack);
  const rows: [string, string][] = [
    ['Dashboard', `${stack.url}${dashboardPath}`],
    ['API', stack.url],
    ['API docs', `${stack.url}${apiDocsPath}`],
    ['REST', stack.restUrl],
    ['Database', stack.dbUrl],
    ['Gateway', stack.gatewayUrl],
    ['Gateway metrics', `${stack.gatewayMetricsUrl}/metrics`],
    ['Publishable key', stack.publishableKey],
    ['Secret key', stack.secretKey],
    // Supabase Auth itself keeps no mails
    ...(locateAuth() === null ? [mailsOf(stack)] : []),
    ['Logs', stack.logs],
    ['Demo user', `${demoUser.email} / ${demoUser.password}`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  const table = rows.map(([name, value]) => `${name.padEnd(width)}${value}`).join('\n');
  if (!token)
    return `${table}\n\nThe demo user was removed: sign up another user to get a token.\n`;
  return `${table}

The demo user's access token, valid for an hour:

  export SUPABASE_JWT=${token}

Create a key with it in another terminal:

  curl -X POST ${stack.url}/api/v1/proxy/keys \\
       -H "Authorization: Bearer $SUPABASE_JWT" \\
       -H "Content-Type: application/json" \\
       -d '{"label": "my-first-key", "tier": "developer", "liveMode": true}'

Then send traffic through the gateway, with basicAuth from the response:

  curl -x ${stack.gatewayUrl.replace('//', '//<basicAuth>@')} https://example.com
`;
}

function mailsOf({ url }: Stack): [string, string] {
  return ['Mails', `curl -H 'apikey: <secret key>' ${url}/auth/v1/admin/mails`];
}

async function signInDemoUser(stack: Stack): Promise<string | null> {
  const response = await fetch(`${stack.url}/auth/v1/token?grant_type=password`, {
    method: 'POST',
    headers: { apikey: stack.publishableKey, 'Content-Type': 'application/json' },
    body: JSON.stringify(demoUser),
  });
  if (!response.ok) return null;
  const { access_token: token } = (await response.json()) as { access_token: string };
  return token;
}
