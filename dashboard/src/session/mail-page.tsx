import { type FormEvent, useState } from 'react';
import { Button } from '../components/button.tsx';
import { Field } from '../components/field.tsx';
import { FullPage } from '../components/full-page.tsx';
import { Notice } from '../components/notice.tsx';
import type { Supabase } from '../data/database.ts';
import { authWordsOf } from './auth-words.ts';

/** The purpose of a requested e-mail. */
export type MailPurpose = 'recovery' | 'magiclink' | 'signup';

const titles: Record<MailPurpose, string> = {
  recovery: 'Forgot your password?',
  magiclink: 'Sign in by e-mail',
  signup: 'Confirm your e-mail address',
};

/**
 * Requests an e-mail with a link and a code, then asks for the code: the link works only in the browser
 * that requested it. Shows the same whether or not the account exists.
 */
export function MailPage(props: {
  supabase: Supabase;
  purpose: MailPurpose;
  email: string;
  /** Whether the e-mail was already requested. */
  sent: boolean;
  onBack: () => void;
}) {
  const { supabase, purpose, onBack } = props;
  const [email, setEmail] = useState(props.email);
  const [sent, setSent] = useState(props.sent);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string>();
  const [outcome, setOutcome] = useState('');

  async function act(action: () => Promise<string | undefined>) {
    if (busy) return;
    setBusy(true);
    setFailure(undefined);
    setOutcome('');
    setFailure(await action());
    setBusy(false);
  }

  const send = (to: string) =>
    act(async () => {
      const error = await askForMail(supabase, purpose, to);
      if (error) return authWordsOf(error);
      setOutcome(sent ? 'We sent another e-mail.' : '');
      setEmail(to);
      setSent(true);
    });

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    if (!sent) return void send(String(form.get('email')).trim());
    const token = String(form.get('code')).replaceAll(/\s/g, '');
    const type = purpose === 'recovery' ? 'recovery' : 'email';
    void act(async () => {
      const { error } = await supabase.auth.verifyOtp({ email, token, type });
      return error ? authWordsOf(error) : undefined;
    });
  }

  return (
    <FullPage title={sent ? 'Check your e-mail' : titles[purpose]}>
      {sent ? (
        <p>
          {purpose === 'signup' ? 'We sent an e-mail to ' : 'If an account exists for '}
          <strong>{email}</strong>
          {purpose === 'signup' ? '.' : ', we sent an e-mail to it.'} Follow the link in this
          browser, or enter the code from the e-mail.
        </p>
      ) : (
        <p>We will send you an e-mail with a link and a code.</p>
      )}
      {/* rendered from the start, so that screen readers announce its content */}
      <div role="status" style={{ display: 'contents' }}>
        {outcome && <Notice kind="info">{outcome}</Notice>}
      </div>
      <form onSubmit={submit}>
        {sent ? (
          <Field key="code" label="Code from the e-mail">
            <input
              name="code"
              autoComplete="one-time-code"
              inputMode="numeric"
              required
              maxLength={20}
            />
          </Field>
        ) : (
          <Field key="email" label="E-mail address">
            <input
              name="email"
              type="email"
              autoComplete="username"
              defaultValue={email}
              required
              maxLength={255}
            />
          </Field>
        )}
        {failure && <Notice kind="error">{failure}</Notice>}
        <Button kind="primary" type="submit" busy={busy} wide>
          {sent ? 'Continue' : 'Send e-mail'}
        </Button>
      </form>
      <p>
        {sent && (
          <>
            <Button kind="link" onClick={() => void send(email)}>
              Send another e-mail
            </Button>
            {' · '}
          </>
        )}
        <Button kind="link" onClick={onBack}>
          Back
        </Button>
      </p>
    </FullPage>
  );
}

async function askForMail(supabase: Supabase, purpose: MailPurpose, email: string) {
  const page = new URL('.', document.baseURI).href;
  const options = { emailRedirectTo: page };
  switch (purpose) {
    case 'recovery':
      return (await supabase.auth.resetPasswordForEmail(email, { redirectTo: page })).error;
    case 'signup':
      return (await supabase.auth.resend({ type: 'signup', email, options })).error;
    case 'magiclink': {
      const withoutNew = { ...options, shouldCreateUser: false };
      const { error } = await supabase.auth.signInWithOtp({ email, options: withoutNew });
      // the answer for an address without an account, which the page must not reveal
      return error?.code === 'otp_disabled' ? null : error;
    }
  }
}
