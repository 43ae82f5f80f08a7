import { type FormEvent, useState } from 'react';
import { Button } from '../components/button.tsx';
import { Field } from '../components/field.tsx';
import { Notice } from '../components/notice.tsx';
import { Section } from '../key/section.tsx';
import { authWordsOf } from '../session/auth-words.ts';
import { useSession } from '../session/session-context.ts';

/** Changes the address, once the links that are mailed have been followed. */
export function EmailSection() {
  const { supabase, email } = useSession();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string>();
  const [asked, setAsked] = useState<string>();

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (busy) return;
    const next = String(new FormData(event.currentTarget).get('email')).trim();
    setBusy(true);
    setFailure(undefined);
    const emailRedirectTo = new URL('.', document.baseURI).href;
    const { error } = await supabase.auth.updateUser({ email: next }, { emailRedirectTo });
    setBusy(false);
    if (error) setFailure(authWordsOf(error));
    else setAsked(next);
  }

  return (
    <Section title="E-mail address" framed>
      <p>
        You sign in as <strong>{email}</strong>.
      </p>
      {/* there from the beginning, so that what comes into it is read out */}
      <div role="status" style={{ display: 'contents' }}>
        {asked && asked !== email && (
          <Notice kind="info">
            A mail is on its way to <strong>{asked}</strong>, and one to your address now where the
            project wants that. The address changes once you have followed the link of each, in this
            browser.
          </Notice>
        )}
      </div>
      <form onSubmit={submit}>
        <Field label="New e-mail address">
          <input name="email" type="email" autoComplete="email" required maxLength={255} />
        </Field>
        {failure && <Notice kind="error">{failure}</Notice>}
        <div>
          <Button type="submit" busy={busy}>
            Change the address
          </Button>
        </div>
      </form>
    </Section>
  );
}
