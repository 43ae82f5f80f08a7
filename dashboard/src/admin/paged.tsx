import type { UseInfiniteQueryResult, UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Loaded } from '../components/loaded.tsx';
import styles from './paged.module.css';
import { ShowMore } from './show-more.tsx';

/** A list that is read page by page: its items, announced to screen readers, and the rest. */
export function Paged<Item>(props: {
  query: UseInfiniteQueryResult<Item[]>;
  /** What is on its way, as in “Loading the keys”. */
  what: string;
  /** How many these are, as in “2 keys”. */
  count: (items: Item[]) => string;
  /** Shown for an empty list. */
  none: ReactNode;
  children: (items: Item[]) => ReactNode;
}) {
  const { query, what, count, none, children } = props;
  // a page more that cannot be read is no news of those there are: it is said beside the button
  const first = query.isFetchNextPageError ? { ...query, isError: false } : query;
  return (
    <>
      <p role="status" className="visually-hidden">
        {query.data && `${count(query.data)} shown`}
      </p>
      {/* for the focus of a row that went away */}
      <section tabIndex={-1} aria-label="What was found" className={styles.list}>
        <Loaded query={first as UseQueryResult<Item[]>} what={what}>
          {(items) =>
            items.length === 0 && !query.hasNextPage ? (
              none
            ) : (
              <>
                {/* of some filters a page may be empty, and not the last one */}
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
