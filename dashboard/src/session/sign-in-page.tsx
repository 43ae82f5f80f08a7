import { type FormEvent, useId, useState } from 'react';
import { Button } from '../components/button.tsx';
import { Field } from '../components/field.tsx';
import { FullPage } from '../components/full-page.tsx';
import { Notice } from '../components/notice.tsx';
import type { Supabase } from '../data/database.ts';
import { authWordsOf } from './auth-words.ts';

/** The way in: signs in, or signs up. `ended` says that a session was there and is no more. */
export function SignInPage({ supabase, ended }: { supabase: Supabase; ended: boolean }) {
  const [isNew, setIsNew] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string>();
  const [mailedTo, setMailedTo] = useState<string>();
  const formId = useId();

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (busy) return;
    const form = new FormData(event.currentTarget);
    const email = String(form.get('email')).trim();
    const password = String(form.get('password'));
    setBusy(true);
    setFailure(undefined);
    const page = new URL('.', document.baseURI).href;
    const { data, error } = isNew
      ? await supabase.auth.signUp({ email, password, options: { emailRedirectTo: page } })
      : await supabase.auth.signInWithPassword({ email, password });
    setBusy(false);
    if (error) setFailure(authWordsOf(error));
    else if (!data.session) setMailedTo(email);
  }

  if (mailedTo) {
    return (
      <FullPage title="Check your e-mail">
        <p>
          A link is on its way to <strong>{mailedTo}</strong>. It confirms the address and signs you
          in, in this browser.
        </p>
        <Button onClick={() => setMailedTo(undefined)}>Back</Button>
      </FullPage>
    );
  }
  return (
    <FullPage title={isNew ? 'Create an account' : 'Sign in'}>
      {ended && <Notice kind="warning">Your session has ended. Sign in to go on.</Notice>}
      <form id={formId} onSubmit={submit}>
        <Field label="E-mail address">
          <input name="email" type="email" autoComplete="username" required maxLength={255} />
        </Field>
        <Field label="Password" {...(isNew ? { hint: 'At least 6 characters.' } : {})}>
          <input
            key={String(isNew)}
            name="password"
            type="password"
            autoComplete={isNew ? 'new-password' : 'current-password'}
            required
            minLength={isNew ? 6 : undefined}
            maxLength={72}
          />
        </Field>
        {failure && <Notice kind="error">{failure}</Notice>}
        <Button kind="primary" type="submit" busy={busy} wide>
          {isNew ? 'Create the account' : 'Sign in'}
        </Button>
      </form>
      <p>
        {isNew ? 'You have an account?' : 'New here?'}{' '}
        <Button
          kind="link"
          onClick={() => {
            setIsNew(!isNew);
            setFailure(undefined);
          }}
        >
          {isNew ? 'Sign in' : 'Create an account'}
        </Button>
      </p>
    </FullPage>
  );
}
