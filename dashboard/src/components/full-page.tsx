import type { ReactNode } from 'react';
import styles from './full-page.module.css';

/** A page without navigation, for a visitor who is not signed in. */
export function FullPage({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className={styles.page}>
      <title>{`${title} · Proxy Keys`}</title>
      <div className={styles.card}>
        <p className={styles.brand}>
          <img src="./icon.svg" alt="" width="28" height="28" />
          Proxy Keys
        </p>
        {/* gets the focus of the control that led here */}
        <h1 tabIndex={-1}>{title}</h1>
        {children}
      </div>
    </main>
  );
}
