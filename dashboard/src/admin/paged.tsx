import type { UseInfiniteQueryResult, UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Loaded } from '../components/loaded.tsx';
import styles from './paged.module.css';
import { ShowMore } from './show-more.tsx';

/** A list that grows page by page: its items, announced to screen readers, and a button for more. */
export function Paged<Item>(props: {
  query: UseInfiniteQueryResult<Item[]>;
  /** What is being loaded, as in “Loading the keys”. */
  what: string;
  /** The number of items, as in “2 keys”. */
  count: (items: Item[]) => string;
  /** Shown for an empty list. */
  none: ReactNode;
  children: (items: Item[]) => ReactNode;
}) {
  const { query, what, count, none, children } = props;
  // a failed next page does not affect the items already shown: its error is beside the button
  const first = query.isFetchNextPageError ? { ...query, isError: false } : query;
  return (
    <>
      <p role="status" className="visually-hidden">
        {query.data && `${count(query.data)} shown`}
      </p>
      {/* gets the focus when a focused row is removed */}
      <section tabIndex={-1} aria-label="Results" className={styles.list}>
        <Loaded query={first as UseQueryResult<Item[]>} what={what}>
          {(items) =>
            items.length === 0 && !query.hasNextPage ? (
              none
            ) : (
              <>
                {/* with some filters, a page may be empty without being the last */}
                {items.length > 0 && children(items)}
                <ShowMore query={query} summary={count(items)} />
              </>
            )
          }
        </Loaded>
      </section>
    </>
  );
}
