import { type ReactNode, useEffect, useRef } from 'react';
import { useNavigationType } from 'react-router';
import styles from './page.module.css';

/** A page: its title, actions and content. Screen readers announce it when it opens. */
export function Page(props: {
  title: string;
  /** Above the title: a back link or navigation. */
  above?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  const cameHere = useRef(useNavigationType());

  useEffect(() => {
    // after a link, the focus moves to the new page's heading; on a first visit, it stays at the top
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
