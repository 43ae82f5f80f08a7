import { type FormEvent, useEffect, useRef, useState } from 'react';
import { Button } from '../components/button.tsx';
import { CopyField } from '../components/copy-field.tsx';
import { Loading } from '../components/loading.tsx';
import { Notice } from '../components/notice.tsx';
import { authWordsOf } from '../session/auth-words.ts';
import { FactorCodeField } from '../session/factor-code-field.tsx';
import { useSession } from '../session/session-context.ts';
import styles from './account-page.module.css';
import { readQrCode } from './read-qr-code.ts';

interface Enrolled {
  id: string;
  totp: { qr_code: string; secret: string; uri: string };
}

/** Sets up an authenticator app: shows the secret and asks for the first code. */
export function EnrollFactor(props: { names: string[]; onClose: (added: boolean) => void }) {
  const { supabase } = useSession();
  const { names, onClose } = props;
  const [enrolled, setEnrolled] = useState<Enrolled>();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string>();
  const started = useRef(false);

  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when it opens
  useEffect(() => {
    if (!started.current) void enroll();
    started.current = true;
  }, []);

  async function enroll() {
    // an unfinished enrollment would occupy the name and a slot
    const { data } = await supabase.auth.mfa.listFactors();
    for (const { id, status, factor_type: type } of data?.all ?? []) {
      if (status === 'unverified' && type === 'totp') {
        await supabase.auth.mfa.unenroll({ factorId: id });
      }
    }
    const answer = await supabase.auth.mfa.enroll({
      factorType: 'totp',
      friendlyName: freeName(names),
      issuer: 'Proxy Keys',
    });
    if (answer.error) setFailure(authWordsOf(answer.error));
    else setEnrolled(answer.data);
  }

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (busy || !enrolled) return;
    const code = String(new FormData(event.currentTarget).get('code')).replaceAll(/\s/g, '');
    setBusy(true);
    setFailure(undefined);
    const { error } = await supabase.auth.mfa.challengeAndVerify({ factorId: enrolled.id, code });
    setBusy(false);
    if (error) setFailure(authWordsOf(error));
    else onClose(true);
  }

  async function cancel() {
    if (enrolled) await supabase.auth.mfa.unenroll({ factorId: enrolled.id });
    onClose(false);
  }

  const image = enrolled && readQrCode(enrolled.totp.qr_code);
  return (
    <form onSubmit={submit}>
      {!enrolled && !failure && <Loading what="Creating a secret" />}
      {enrolled && (
        <>
          {image && (
            <>
              <p>Scan this code with your authenticator app, or copy the secret into the app.</p>
              <svg
                className={styles.code}
                viewBox={`0 0 ${image.size} ${image.size}`}
                shapeRendering="crispEdges"
                role="img"
                aria-label="QR code of the secret"
              >
                <path d={image.path} fill="currentColor" />
              </svg>
            </>
          )}
          {!image && <p>Copy the secret into your authenticator app.</p>}
          <CopyField name="Secret" value={enrolled.totp.secret} />
          <p>
            <a href={enrolled.totp.uri}>Open an authenticator app on this device</a>
          </p>
          <FactorCodeField />
        </>
      )}
      {failure && <Notice kind="error">{failure}</Notice>}
      <div>
        {enrolled && (
          <Button kind="primary" type="submit" busy={busy}>
            Turn on
          </Button>
        )}{' '}
        <Button onClick={() => void cancel()}>Cancel</Button>
      </div>
    </form>
  );
}

/** A name that no other factor has, because names must be unique. */
function freeName(names: string[]): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? 'Authenticator' : `Authenticator ${number}`;
    if (!names.includes(name)) return name;
  }
}
