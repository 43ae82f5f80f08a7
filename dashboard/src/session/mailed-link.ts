/** The parameters of a link in an e-mail from Supabase Auth. */
export type MailedLink =
  /** For the browser that requested the e-mail, which exchanges the code for a session. */
  | { kind: 'code'; code: string }
  /** For any browser. */
  | { kind: 'hash'; tokenHash: string; type: LinkType }
  /** The address changes after a second link is followed. */
  | { kind: 'first-of-two' }
  | { kind: 'refused'; code: string };

const linkTypes = ['signup', 'invite', 'magiclink', 'recovery', 'email', 'email_change'] as const;
type LinkType = (typeof linkTypes)[number];

/** Reads the link from a URL; null if the URL has none. */
export function readMailedLink(address: string): MailedLink | null {
  const { searchParams, hash } = new URL(address);
  // a hash that starts with #/ is a route of this app
  const inHash = new URLSearchParams(hash.startsWith('#/') ? '' : hash.slice(1));
  const read = (name: string) => searchParams.get(name) ?? inHash.get(name);
  const refusal = read('error_code') ?? read('error');
  if (refusal) return { kind: 'refused', code: refusal };
  // this page never requests such a link, and an attacker could make one for their own account
  if (/[#&?](access|refresh|provider)_token=/.test(hash)) {
    return { kind: 'refused', code: 'unasked_link' };
  }
  // the first of the two links for an address change, if the project sends two
  if (read('message') && inHash.has('sb')) return { kind: 'first-of-two' };
  const tokenHash = read('token_hash');
  if (tokenHash) {
    const type = linkTypes.find((known) => known === read('type'));
    return type ? { kind: 'hash', tokenHash, type } : { kind: 'refused', code: 'unasked_link' };
  }
  const code = searchParams.get('code');
  return code ? { kind: 'code', code } : null;
}

/** Reads the link from the page's URL, and removes it from the URL and the history. */
export function takeMailedLink(): MailedLink | null {
  const link = readMailedLink(location.href);
  if (link) history.replaceState(null, '', `${location.pathname}#/`);
  return link;
}
