import { useEffect, useRef, useState } from 'react';
import { Button } from '../components/button.tsx';
import { FullPage } from '../components/full-page.tsx';
import { Loading } from '../components/loading.tsx';
import { Notice } from '../components/notice.tsx';
import type { Supabase } from '../data/database.ts';
import { authWordsOf, linkWordsOf } from './auth-words.ts';
import type { MailedLink } from './mailed-link.ts';

/**
 * Does what a mailed link is for. One that any browser can follow asks first, as anybody may have sent it,
 * of their own account; so does one that ends a session.
 */
export function LinkPage(props: {
  supabase: Supabase;
  link: MailedLink;
  /** The address of somebody who is signed in. */
  present: string | undefined;
  /** With a sentence on why nothing came of it. */
  onDone: (failure?: string) => void;
}) {
  const { supabase, link, onDone } = props;
  // as it was when the link was opened: following it changes who is
  const [present] = useState(props.present);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState(link.kind === 'refused' ? linkWordsOf(link.code) : '');
  const atOnce = link.kind === 'code' && present === undefined;
  const begun = useRef(false);

  async function follow() {
    if (begun.current || (link.kind !== 'code' && link.kind !== 'hash')) return;
    begun.current = true;
    setBusy(true);
    const { error } =
      link.kind === 'code'
        ? await supabase.auth.exchangeCodeForSession(link.code)
        : await supabase.auth.verifyOtp({ token_hash: link.tokenHash, type: link.type });
    setBusy(false);
    if (!error) return onDone();
    const words = link.kind === 'hash' ? linkWordsOf(error.code ?? '') : authWordsOf(error);
    if (present === undefined) onDone(words);
    else setFailure(words);
  }

  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the page opens
  useEffect(() => {
    if (atOnce) void follow();
    // the way in says why
    else if (failure && present === undefined) onDone(failure);
  }, []);

  if (link.kind === 'first-of-two') {
    return (
      <FullPage title="One more link">
        <p>This address is confirmed. Follow the link in the mail to your other address as well.</p>
        <Button kind="primary" wide onClick={() => onDone()}>
          Go on
        </Button>
      </FullPage>
    );
  }
  if (failure && present === undefined) return null;
  if (atOnce) {
    return (
      <FullPage title="Signing you in">
        <Loading what="Signing you in" />
      </FullPage>
    );
  }
  if (failure) {
    return (
      <FullPage title="This link did not work">
        <Notice kind="error">{failure}</Notice>
        <p>
          You are still signed in as <strong>{present}</strong>.
        </p>
        <Button kind="primary" wide onClick={() => onDone()}>
          Go on
        </Button>
      </FullPage>
    );
  }
  return (
    <FullPage title="Follow this link?">
      {present === undefined ? (
        <p>It signs you in, in this browser. Follow it only if you asked for the mail.</p>
      ) : (
        <p>
          You are signed in as <strong>{present}</strong>. The link signs you in to the account that
          it was sent to, which may be another, and ends the session that you have here.
        </p>
      )}
      <Button kind="primary" wide busy={busy} onClick={() => void follow()}>
        Follow it
      </Button>
      <Button wide onClick={() => onDone()}>
        {present === undefined ? 'Do not follow it' : 'Stay signed in'}
      </Button>
    </FullPage>
  );
}
