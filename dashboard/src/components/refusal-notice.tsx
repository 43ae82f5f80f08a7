import { useEffect, useState } from 'react';
import type { Refusal } from '../data/refusal.ts';
import { wordsOf } from '../data/refusal-words.ts';
import { span } from '../format/time.ts';
import { useSession } from '../session/session-context.ts';
import { Button } from './button.tsx';
import { Notice } from './notice.tsx';

/** Explains why an action or a read was refused, and what to do next. */
export function RefusalNotice(props: { refusal: Refusal; reading?: boolean }) {
  const { refusal, reading } = props;
  const { signOut } = useSession();
  const seconds = useSecondsUntil(refusal.retryAt);
  if (refusal.code === 'rate_limited') {
    return (
      <Notice kind="error">
        {wordsOf(refusal, reading)} {/* a countdown of seconds would be read out again and again */}
        <span aria-hidden>{seconds > 0 ? `Try again in ${span(seconds)}.` : 'Try again now.'}</span>
        <span className="visually-hidden">
          {seconds < 60 ? 'Try again within a minute.' : `Try again in ${span(seconds)}.`}
        </span>
      </Notice>
    );
  }
  return (
    <Notice kind="error">
      <p>
        {wordsOf(refusal, reading)}
        {/* for looking it up, or for a report to the operator; a failed connection has no code */}
        {refusal.code !== 'offline' && (
          <>
            {' '}
            (<code>{refusal.code}</code>)
          </>
        )}
      </p>
      {refusal.code === 'unauthorized' && (
        <p>
          <Button kind="link" onClick={() => void signOut()}>
            Sign in again
          </Button>
        </p>
      )}
    </Notice>
  );
}

/** The seconds left until a time (in milliseconds since the epoch), at least 0. */
export function useSecondsUntil(time = 0): number {
  const [now, setNow] = useState(Date.now);
  const left = Math.max(0, Math.ceil((time - now) / 1_000));
  const waiting = left > 0;

  useEffect(() => {
    setNow(Date.now());
    if (!waiting && time < Date.now()) return;
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [time, waiting]);
  return left;
}
