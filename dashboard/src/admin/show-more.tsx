import type { UseInfiniteQueryResult } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { Button } from '../components/button.tsx';
import { RefusalNotice } from '../components/refusal-notice.tsx';
import { Refusal } from '../data/refusal.ts';
import styles from './paged.module.css';

/** The number of items shown, and a button for more. The focus stays here at the end of the list. */
export function ShowMore(props: { query: UseInfiniteQueryResult<unknown[]>; summary: string }) {
  const { query, summary } = props;
  const { hasNextPage, isFetchingNextPage, isFetchNextPageError, error } = query;
  const end = useRef<HTMLParagraphElement>(null);
  const asked = useRef(false);

  useEffect(() => {
    // the focused button is gone
    if (asked.current && !hasNextPage) end.current?.focus();
    if (!isFetchingNextPage) asked.current = false;
  }, [hasNextPage, isFetchingNextPage]);

  const more = () => {
    asked.current = true;
    void query.fetchNextPage();
  };
  return (
    <>
      {isFetchNextPageError && (
        <RefusalNotice
          reading
          refusal={error instanceof Refusal ? error : new Refusal('internal')}
        />
      )}
      <div className={styles.more}>
        <p ref={end} tabIndex={-1}>
          {hasNextPage ? `First ${summary}. More are available.` : `${summary} in total.`}
        </p>
        {hasNextPage && (
          <Button onClick={more} busy={isFetchingNextPage}>
            Show more
          </Button>
        )}
      </div>
    </>
  );
}
