/**
 * The gateway's connection string: the operator's, with the gateway's login. A Supabase pooler
 * distinguishes projects by the user, `postgres.<ref>`. Its port 6543, like that of a project's
 * dedicated pooler, is in transaction mode, which does not support LISTEN.
 */
export function gatewayUrl(operator: URL, login: string, password: string): string {
  const url = new URL(operator);
  const [, ref] = /^postgres\.([a-z0-9]+)$/.exec(decodeURIComponent(operator.username)) ?? [];
  url.username = ref === undefined ? login : `${login}.${ref}`;
  url.password = password;
  if (url.port === '6543' && /\.supabase\.(co|com)$/.test(url.hostname)) url.port = '5432';
  return url.href;
}
