import type { UseInfiniteQueryResult } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { Button } from '../components/button.tsx';
import { RefusalNotice } from '../components/refusal-notice.tsx';
import { Refusal } from '../data/refusal.ts';
import styles from './paged.module.css';

/** How much of a list is shown, and the way to the rest. The focus stays here when there is no more. */
export function ShowMore(props: { query: UseInfiniteQueryResult<unknown[]>; summary: string }) {
  const { query, summary } = props;
  const { hasNextPage, isFetchingNextPage, isFetchNextPageError, error } = query;
  const end = useRef<HTMLParagraphElement>(null);
  const asked = useRef(false);

  useEffect(() => {
    // the button that had the focus is gone
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
          {hasNextPage ? `The first ${summary}, and there are more.` : `${summary} in all.`}
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
