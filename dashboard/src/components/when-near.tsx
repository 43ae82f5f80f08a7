import { type ReactNode, useEffect, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import styles from './loading.module.css';

// loads everything after this time, so that the page prints completely
const patience = 5_000;

/** Renders, and so loads, its children once they are near the window or `patience` has passed. */
export function WhenNear({ children }: { children: ReactNode }) {
  const place = useRef<HTMLDivElement>(null);
  const [near, setNear] = useState(false);
  useEffect(() => {
    if (near || !place.current) return;
    const show = () => setNear(true);
    // the browser does not wait for React's next render
    const print = () => flushSync(show);
    const observer = new IntersectionObserver(
      (entries) => entries.some(({ isIntersecting }) => isIntersecting) && show(),
      { rootMargin: '48px' },
    );
    observer.observe(place.current);
    const timer = setTimeout(show, patience);
    addEventListener('beforeprint', print);
    return () => {
      observer.disconnect();
      clearTimeout(timer);
      removeEventListener('beforeprint', print);
    };
  }, [near]);
  return near ? children : <div ref={place} className={styles.place} />;
}
