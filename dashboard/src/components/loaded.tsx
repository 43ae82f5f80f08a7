import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Refusal } from '../data/refusal.ts';
import { clockTime } from '../format/time.ts';
import { Button } from './button.tsx';
import { Loading } from './loading.tsx';
import { Notice } from './notice.tsx';
import { RefusalNotice } from './refusal-notice.tsx';

/**
 * Shows what a query has read; until then that it is on its way, or why not and how to go on. What was
 * read before stays when it cannot be read again, with a word on how old it is.
 */
export function Loaded<T>(props: {
  query: UseQueryResult<T>;
  /** What is on its way, as in “Loading your keys”. */
  what: string;
  children: (data: T) => ReactNode;
}) {
  const { query, what, children } = props;
  if (query.data !== undefined) {
    return (
      <>
        {/* there from the beginning, so that what comes into it is read out */}
        <div role="status" style={{ display: 'contents' }}>
          {query.isError && <Stale query={query} what={what} />}
        </div>
        {children(query.data)}
      </>
    );
  }
  if (query.isError) {
    return (
      <>
        <RefusalNotice reading refusal={asRefusal(query.error)} />
        <div>
          <Button onClick={() => void query.refetch()} busy={query.isFetching}>
            Try again
          </Button>
        </div>
      </>
    );
  }
  if (query.fetchStatus === 'paused') {
    return (
      <Notice kind="warning">
        You are offline. {capitalized(what)} will be shown as soon as you are back.
      </Notice>
    );
  }
  return <Loading what={`Loading ${what}`} />;
}

function Stale({ query, what }: { query: UseQueryResult<unknown>; what: string }) {
  return (
    <Notice kind="warning">
      {capitalized(what)} could not be read again. This is from {clockTime(query.dataUpdatedAt)}{' '}
      UTC.{' '}
      <Button kind="link" onClick={() => void query.refetch()}>
        Try again
      </Button>
    </Notice>
  );
}

function asRefusal(error: unknown): Refusal {
  return error instanceof Refusal ? error : new Refusal('internal');
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
