import type { ReactNode } from 'react';
import styles from './empty-state.module.css';

/** Shown for an empty list: why it is empty, and what to do next. */
export function EmptyState(props: { icon?: ReactNode; title: string; children: ReactNode }) {
  return (
    <div className={styles.empty}>
      {props.icon}
      <h2>{props.title}</h2>
      {props.children}
    </div>
  );
}
