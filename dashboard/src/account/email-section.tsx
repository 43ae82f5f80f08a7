import { type FormEvent, useState } from 'react';
import { Button } from '../components/button.tsx';
import { Field } from '../components/field.tsx';
import { Notice } from '../components/notice.tsx';
import { Section } from '../key/section.tsx';
import { authWordsOf } from '../session/auth-words.ts';
import { useSession } from '../session/session-context.ts';

/** Changes the e-mail address after the mailed links are followed. */
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
      {/* rendered from the start, so that screen readers announce its content */}
      <div role="status" style={{ display: 'contents' }}>
        {asked && asked !== email && (
          <Notice kind="info">
            We sent an e-mail to <strong>{asked}</strong>, and another to your current address if
            this project requires it. The address changes after you follow the link in each e-mail,
            in this browser.
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
            Change address
          </Button>
        </div>
      </form>
    </Section>
  );
}
