import { useState } from 'react';
import { Button } from '../components/button.tsx';
import { Notice } from '../components/notice.tsx';
import { Section } from '../key/section.tsx';
import { authWordsOf } from '../session/auth-words.ts';
import { useSession } from '../session/session-context.ts';

/** Ends all sessions of the user. */
export function SessionSection() {
  const { signOutEverywhere } = useSession();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string>();

  async function leave() {
    setBusy(true);
    setFailure(undefined);
    const error = await signOutEverywhere();
    setBusy(false);
    if (error) setFailure(authWordsOf(error));
  }

  return (
    <Section title="Sessions" framed>
      <p>
        End your session here and in every other browser. Your keys keep working: delete or rotate
        any key that may have leaked.
      </p>
      {failure && <Notice kind="error">{failure}</Notice>}
      <div>
        <Button busy={busy} onClick={() => void leave()}>
          Sign out everywhere
        </Button>
      </div>
    </Section>
  );
}
