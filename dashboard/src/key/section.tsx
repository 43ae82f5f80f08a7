import { type ReactNode, useId } from 'react';
import styles from './section.module.css';

/** A part of the page under its own heading; `framed` if its content has no frame. */
export function Section(props: {
  title: string;
  framed?: boolean;
  actions?: ReactNode;
  children: ReactNode;
}) {
  const id = useId();
  return (
    <section
      aria-labelledby={id}
      // gets the focus when a focused element in it is removed
      tabIndex={-1}
      className={styles.section}
      data-framed={props.framed || undefined}
    >
      <div className={styles.head}>
        <h2 id={id}>{props.title}</h2>
        {props.actions}
      </div>
      {props.children}
    </section>
  );
}
