import { type FormEvent, useState } from 'react';
import { Button } from '../components/button.tsx';
import { Field } from '../components/field.tsx';
import { FullPage } from '../components/full-page.tsx';
import { Notice } from '../components/notice.tsx';
import { useConfiguration } from '../configuration-provider.tsx';
import { useAuthSettings } from '../data/auth-settings.ts';
import type { Supabase } from '../data/database.ts';
import { authWordsOf } from './auth-words.ts';
import { MailPage, type MailPurpose } from './mail-page.tsx';
import { PasswordField } from './password-field.tsx';

/** The page to sign in or sign up. `notice` tells an interrupted user why the page is shown. */
export function SignInPage({
  supabase,
  notice,
}: {
  supabase: Supabase;
  notice?: string | undefined;
}) {
  const allowed = useAuthSettings(useConfiguration());
  const [isNew, setIsNew] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string>();
  const [email, setEmail] = useState('');
  const [unconfirmed, setUnconfirmed] = useState(false);
  const [mail, setMail] = useState<{ purpose: MailPurpose; sent: boolean }>();

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (busy) return;
    const password = String(new FormData(event.currentTarget).get('password'));
    const address = email.trim();
    setBusy(true);
    setFailure(undefined);
    setUnconfirmed(false);
    const emailRedirectTo = new URL('.', document.baseURI).href;
    const { data, error } = isNew
      ? await supabase.auth.signUp({ email: address, password, options: { emailRedirectTo } })
      : await supabase.auth.signInWithPassword({ email: address, password });
    setBusy(false);
    if (error) {
      setFailure(authWordsOf(error));
      setUnconfirmed(error.code === 'email_not_confirmed');
    } else if (!data.session) setMail({ purpose: 'signup', sent: true });
  }

  async function signInWithPasskey() {
    if (busy) return;
    setBusy(true);
    setFailure(undefined);
    const { error } = await supabase.auth.signInWithPasskey();
    setBusy(false);
    if (error) setFailure(authWordsOf(error));
  }

  if (mail) {
    return (
      <MailPage
        {...mail}
        supabase={supabase}
        email={email.trim()}
        onBack={() => {
          setMail(undefined);
          setIsNew(false);
          setFailure(undefined);
          setUnconfirmed(false);
        }}
      />
    );
  }
  return (
    <FullPage title={isNew ? 'Create account' : 'Sign in'}>
      {notice && <Notice kind="warning">{notice}</Notice>}
      <form onSubmit={submit}>
        <Field label="E-mail address">
          <input
            name="email"
            type="email"
            autoComplete="username"
            value={email}
            onChange={(event) => setEmail(event.target.value)}
            required
            maxLength={255}
          />
        </Field>
        <PasswordField
          key={String(isNew)}
          label="Password"
          name="password"
          autoComplete={isNew ? 'new-password' : 'current-password'}
        />
        {failure && (
          <Notice kind="error">
            {failure}
            {unconfirmed && (
              <p>
                <Button kind="link" onClick={() => setMail({ purpose: 'signup', sent: false })}>
                  Send another e-mail
                </Button>
              </p>
            )}
          </Notice>
        )}
        <Button kind="primary" type="submit" busy={busy} wide>
          {isNew ? 'Create account' : 'Sign in'}
        </Button>
        {!isNew && allowed.passkeys && (
          <Button wide onClick={() => void signInWithPasskey()}>
            Use a passkey
          </Button>
        )}
      </form>
      {!isNew && (
        <p>
          <Button kind="link" onClick={() => setMail({ purpose: 'recovery', sent: false })}>
            Forgot your password?
          </Button>
          <br />
          <Button kind="link" onClick={() => setMail({ purpose: 'magiclink', sent: false })}>
            Get a link or code by e-mail
          </Button>
        </p>
      )}
      {(isNew || allowed.signUp) && (
        <p>
          {isNew ? 'Already have an account?' : 'No account?'}{' '}
          <Button
            kind="link"
            onClick={() => {
              setIsNew(!isNew);
              setFailure(undefined);
              setUnconfirmed(false);
            }}
          >
            {isNew ? 'Sign in' : 'Create account'}
          </Button>
        </p>
      )}
    </FullPage>
  );
}
