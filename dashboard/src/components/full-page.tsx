import type { ReactNode } from 'react';
import styles from './full-page.module.css';

/** A page on its own, before anybody is signed in. */
export function FullPage({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className={styles.page}>
      <title>{`${title} · Proxy Keys`}</title>
      <div className={styles.card}>
        <p className={styles.brand}>
          <img src="./icon.svg" alt="" width="28" height="28" />
          Proxy Keys
        </p>
        {/* for the focus of what led here and is gone */}
        <h1 tabIndex={-1}>{title}</h1>
        {children}
      </div>
    </main>
  );
}
