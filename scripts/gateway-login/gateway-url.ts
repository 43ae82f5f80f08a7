/**
 * The URL that a gateway connects with: where the operator's goes, as the gateway's login. A pooler
 * of Supabase tells projects apart by the user, `postgres.<ref>`; its port 6543, and that of a
 * project's own pooler, is transaction mode, in which nobody can listen.
 */
export function gatewayUrl(operator: URL, login: string, password: string): string {
  const url = new URL(operator);
  const [, ref] = /^postgres\.([a-z0-9]+)$/.exec(decodeURIComponent(operator.username)) ?? [];
  url.username = ref === undefined ? login : `${login}.${ref}`;
  url.password = password;
  if (url.port === '6543' && /\.supabase\.(co|com)$/.test(url.hostname)) url.port = '5432';
  return url.href;
}
