/** What a link of a mail of Supabase Auth leads back with. */
export type MailedLink =
  /** For the browser that asked for the mail, which trades it for a session. */
  | { kind: 'code'; code: string }
  /** For any browser. */
  | { kind: 'hash'; tokenHash: string; type: LinkType }
  /** An address changes once another link has been followed too. */
  | { kind: 'first-of-two' }
  | { kind: 'refused'; code: string };

const linkTypes = ['signup', 'invite', 'magiclink', 'recovery', 'email', 'email_change'] as const;
type LinkType = (typeof linkTypes)[number];

/** Reads an address that a link may have led to; null for any other. */
export function readMailedLink(address: string): MailedLink | null {
  const { searchParams, hash } = new URL(address);
  // what begins so is a page of ours
  const inHash = new URLSearchParams(hash.startsWith('#/') ? '' : hash.slice(1));
  const read = (name: string) => searchParams.get(name) ?? inHash.get(name);
  const refusal = read('error_code') ?? read('error');
  if (refusal) return { kind: 'refused', code: refusal };
  // this page asks for no such link, and anybody could have made it for their own account
  if (/[#&?](access|refresh|provider)_token=/.test(hash)) {
    return { kind: 'refused', code: 'unasked_link' };
  }
  // of the two links that change an address, where the project sends two
  if (read('message') && inHash.has('sb')) return { kind: 'first-of-two' };
  const tokenHash = read('token_hash');
  if (tokenHash) {
    const type = linkTypes.find((known) => known === read('type'));
    return type ? { kind: 'hash', tokenHash, type } : { kind: 'refused', code: 'unasked_link' };
  }
  const code = searchParams.get('code');
  return code ? { kind: 'code', code } : null;
}

/** Reads what the page's address brought, and takes it out of there and out of the history. */
export function takeMailedLink(): MailedLink | null {
  const link = readMailedLink(location.href);
  if (link) history.replaceState(null, '', `${location.pathname}#/`);
  return link;
}
