import { createContext, type ReactNode, use, useCallback, useEffect, useState } from 'react';
import styles from './announcer.module.css';

const AnnouncerContext = createContext<(sentence: string) => void>(() => {});

/** Returns a function that shows a message for a few seconds and announces it to screen readers. */
export function useAnnounce(): (sentence: string) => void {
  return use(AnnouncerContext);
}

/** Shows the messages of its children. */
export function Announcer({ children }: { children: ReactNode }) {
  const [said, setSaid] = useState<{ sentence: string }>();
  const announce = useCallback((sentence: string) => setSaid({ sentence }), []);

  useEffect(() => {
    if (!said) return;
    const timer = setTimeout(() => setSaid(undefined), 6_000);
    return () => clearTimeout(timer);
  }, [said]);

  return (
    <AnnouncerContext value={announce}>
      {children}
      <div role="status" className={styles.region}>
        {said && <p className={styles.sentence}>{said.sentence}</p>}
      </div>
    </AnnouncerContext>
  );
}
