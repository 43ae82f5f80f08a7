import type { ReactNode } from 'react';
import styles from './facts.module.css';

/** What there is to know, each under its name: side by side, or one under the other. */
export function Facts({ stacked, children }: { stacked?: boolean; children: ReactNode }) {
  return (
    <dl className={styles.facts} data-stacked={stacked || undefined}>
      {children}
    </dl>
  );
}

/** One of them. */
export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={styles.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
