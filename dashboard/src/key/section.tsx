import { type ReactNode, useId } from 'react';
import styles from './section.module.css';

/** A part of the page, under its own heading; `framed` where it has no frame of its own within. */
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
      // for the focus of what went away in it
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
