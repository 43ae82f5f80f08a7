import { CircleAlert, Info, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import styles from './notice.module.css';

const icons = { info: Info, warning: TriangleAlert, error: CircleAlert };

/** A remark in the page. An error is read out by screen readers as it appears. */
export function Notice(props: { kind: 'info' | 'warning' | 'error'; children: ReactNode }) {
  const Icon = icons[props.kind];
  return (
    <div role={props.kind === 'error' ? 'alert' : undefined} className={styles[props.kind]}>
      <Icon size={18} aria-hidden />
      <div>{props.children}</div>
    </div>
  );
}
