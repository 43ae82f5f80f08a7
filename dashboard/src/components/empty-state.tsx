import type { ReactNode } from 'react';
import styles from './empty-state.module.css';

/** Stands where there is nothing yet, or nothing that fits: why, and the way on. */
export function EmptyState(props: { icon?: ReactNode; title: string; children: ReactNode }) {
  return (
    <div className={styles.empty}>
      {props.icon}
      <h2>{props.title}</h2>
      {props.children}
    </div>
  );
}
