import type { ReactNode } from 'react';
import styles from './facts.module.css';

/** A list of names and values: side by side, or stacked. */
export function Facts({ stacked, children }: { stacked?: boolean; children: ReactNode }) {
  return (
    <dl className={styles.facts} data-stacked={stacked || undefined}>
      {children}
    </dl>
  );
}

/** One name and its value. */
export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={styles.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
