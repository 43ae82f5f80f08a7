import { useEffect, useRef, useState } from 'react';
import { Button } from '../components/button.tsx';
import { FullPage } from '../components/full-page.tsx';
import { Loading } from '../components/loading.tsx';
import { Notice } from '../components/notice.tsx';
import type { Supabase } from '../data/database.ts';
import { authWordsOf, linkWordsOf } from './auth-words.ts';
import type { MailedLink } from './mailed-link.ts';

/**
 * Follows a mailed link. A link that works in any browser asks first, because an attacker may have sent
 * it for their own account; so does a link that ends a session.
 */
export function LinkPage(props: {
  supabase: Supabase;
  link: MailedLink;
  /** The e-mail address of the signed-in user, if any. */
  present: string | undefined;
  /** Called with a sentence on why the link failed, if it did. */
  onDone: (failure?: string) => void;
}) {
  const { supabase, link, onDone } = props;
  // the user when the link was opened: following it may change the user
  const [present] = useState(props.present);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState(link.kind === 'refused' ? linkWordsOf(link.code) : '');
  const atOnce = link.kind === 'code' && present === undefined;
  const started = useRef(false);

  async function follow() {
    if (started.current || (link.kind !== 'code' && link.kind !== 'hash')) return;
    started.current = true;
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
    // the sign-in page shows why
    else if (failure && present === undefined) onDone(failure);
  }, []);

  if (link.kind === 'first-of-two') {
    return (
      <FullPage title="One more step">
        <p>This address is confirmed. Now follow the link in the e-mail to your other address.</p>
        <Button kind="primary" wide onClick={() => onDone()}>
          Continue
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
          Continue
        </Button>
      </FullPage>
    );
  }
  return (
    <FullPage title="Follow this link?">
      {present === undefined ? (
        <p>The link signs you in to this browser. Follow it only if you requested the e-mail.</p>
      ) : (
        <p>
          You are signed in as <strong>{present}</strong>. The link signs you in to the account that
          it was sent to, which may be another account, and ends your session here.
        </p>
      )}
      <Button kind="primary" wide busy={busy} onClick={() => void follow()}>
        Follow link
      </Button>
      <Button wide onClick={() => onDone()}>
        {present === undefined ? 'Cancel' : 'Stay signed in'}
      </Button>
    </FullPage>
  );
}
