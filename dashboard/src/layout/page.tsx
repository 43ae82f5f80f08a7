import { type ReactNode, useEffect, useRef } from 'react';
import { useNavigationType } from 'react-router';
import styles from './page.module.css';

/** One page: its title, what can be done on it, its content. Announced to screen readers when it opens. */
export function Page(props: {
  title: string;
  /** Before the title: the way back. */
  above?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  const cameHere = useRef(useNavigationType());

  useEffect(() => {
    // who followed a link is at the new page's beginning; who just opened the site is at its very top
    if (cameHere.current === 'PUSH') heading.current?.focus();
  }, []);

  return (
    <main className={styles.page}>
      <title>{`${props.title} · Proxy Keys`}</title>
      {props.above}
      <div className={styles.head}>
        <h1 ref={heading} tabIndex={-1}>
          <bdi>{props.title}</bdi>
        </h1>
        {props.actions && <div className={styles.actions}>{props.actions}</div>}
      </div>
      {props.children}
    </main>
  );
}
