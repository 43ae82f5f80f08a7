import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Refusal } from '../data/refusal.ts';
import { clockTime } from '../format/time.ts';
import { Button } from './button.tsx';
import { Loading } from './loading.tsx';
import { Notice } from './notice.tsx';
import { RefusalNotice } from './refusal-notice.tsx';

/**
 * Shows a query's data, a loading state, or an error with a retry. If a refetch fails, the old data
 * stays, with a note on its age.
 */
export function Loaded<T>(props: {
  query: UseQueryResult<T>;
  /** What is being loaded, as in “Loading your keys”. */
  what: string;
  children: (data: T) => ReactNode;
}) {
  const { query, what, children } = props;
  if (query.data !== undefined) {
    return (
      <>
        {/* rendered from the start, so that screen readers announce its content */}
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
        You are offline. {capitalized(what)} will load when you are online again.
      </Notice>
    );
  }
  return <Loading what={`Loading ${what}`} />;
}

function Stale({ query, what }: { query: UseQueryResult<unknown>; what: string }) {
  return (
    <Notice kind="warning">
      Could not refresh {what}. This is the state at {clockTime(query.dataUpdatedAt)} UTC.{' '}
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
