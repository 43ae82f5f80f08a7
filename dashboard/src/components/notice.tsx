import { CircleAlert, Info, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import styles from './notice.module.css';

const icons = { info: Info, warning: TriangleAlert, error: CircleAlert };

/** A message in the page. Screen readers announce an error when it appears. */
export function Notice(props: { kind: 'info' | 'warning' | 'error'; children: ReactNode }) {
  const Icon = icons[props.kind];
  return (
    <div role={props.kind === 'error' ? 'alert' : undefined} className={styles[props.kind]}>
      <Icon size={18} aria-hidden />
      <div>{props.children}</div>
    </div>
  );
}
