import type { Factor } from '@supabase/supabase-js';
import { type FormEvent, useState } from 'react';
import { Button } from '../components/button.tsx';
import { Field } from '../components/field.tsx';
import { FullPage } from '../components/full-page.tsx';
import { Notice } from '../components/notice.tsx';
import { authWordsOf } from './auth-words.ts';
import { FactorCodeField } from './factor-code-field.tsx';
import { useSession } from './session-context.ts';

/** Asks for the code of an enrolled authenticator before anything else. */
export function SecondFactorPage({ factors }: { factors: Factor[] }) {
  const { supabase, email, signOut } = useSession();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string>();
  const apps = factors.filter(({ factor_type: type }) => type === 'totp');

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (busy) return;
    const form = new FormData(event.currentTarget);
    const factorId = String(form.get('factor') ?? apps[0]?.id);
    const code = String(form.get('code')).replaceAll(/\s/g, '');
    setBusy(true);
    setFailure(undefined);
    const { error } = await supabase.auth.mfa.challengeAndVerify({ factorId, code });
    setBusy(false);
    if (error) setFailure(authWordsOf(error));
  }

  return (
    <FullPage title="Enter your code">
      <p>
        The account <strong>{email}</strong> has a second factor.
      </p>
      {apps.length > 0 ? (
        <form onSubmit={submit}>
          {apps.length > 1 && (
            <Field label="Authenticator">
              <select name="factor">
                {apps.map(({ id, friendly_name: name }) => (
                  <option key={id} value={id}>
                    {name || 'Authenticator'}
                  </option>
                ))}
              </select>
            </Field>
          )}
          <FactorCodeField />
          {failure && <Notice kind="error">{failure}</Notice>}
          <Button kind="primary" type="submit" busy={busy} wide>
            Continue
          </Button>
        </form>
      ) : (
        <Notice kind="warning">This page does not support its type.</Notice>
      )}
      <p>
        <Button kind="link" onClick={() => void signOut()}>
          Sign out
        </Button>
      </p>
    </FullPage>
  );
}
