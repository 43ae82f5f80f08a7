import { type FormEvent, useState } from 'react';
import { Button } from '../components/button.tsx';
import { Field } from '../components/field.tsx';
import { Notice } from '../components/notice.tsx';
import { authWordsOf } from './auth-words.ts';
import { PasswordField } from './password-field.tsx';
import { useSession } from './session-context.ts';

/** Sets the user's password. The project's answer tells whether it needs the current password or a code. */
export function NewPasswordForm({ onDone }: { onDone: () => void }) {
  const { supabase, email } = useSession();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string>();
  const [needsCurrent, setNeedsCurrent] = useState(false);
  const [needsCode, setNeedsCode] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (busy) return;
    const form = new FormData(event.currentTarget);
    const nonce = String(form.get('code') ?? '').trim();
    setBusy(true);
    setFailure(undefined);
    const { error } = await supabase.auth.updateUser({
      password: String(form.get('password')),
      ...(needsCurrent && { current_password: String(form.get('current')) }),
      ...(nonce && { nonce }),
    });
    if (error?.code === 'current_password_required') setNeedsCurrent(true);
    if (error?.code === 'reauthentication_needed') await sendCode();
    else if (error) setFailure(authWordsOf(error));
    setBusy(false);
    if (!error) onDone();
  }

  async function sendCode() {
    const { error } = await supabase.auth.reauthenticate();
    if (error) setFailure(authWordsOf(error));
    else setNeedsCode(true);
  }

  return (
    <form onSubmit={submit}>
      {/* for password managers, which store the new password under it */}
      <input type="text" name="username" autoComplete="username" value={email} readOnly hidden />
      {needsCurrent && (
        <PasswordField label="Current password" name="current" autoComplete="current-password" />
      )}
      <PasswordField label="New password" name="password" autoComplete="new-password" />
      {needsCode && (
        <Field
          label="Code from the e-mail"
          hint="You signed in some time ago, so we sent you an e-mail with a code."
        >
          <input
            name="code"
            autoComplete="one-time-code"
            inputMode="numeric"
            required
            maxLength={20}
          />
        </Field>
      )}
      {failure && <Notice kind="error">{failure}</Notice>}
      <div>
        <Button kind="primary" type="submit" busy={busy}>
          Save password
        </Button>
      </div>
    </form>
  );
}
