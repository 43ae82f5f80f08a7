import { ChevronLeft, ChevronRight } from 'lucide-react';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { Button } from '../components/button.tsx';
import { Loaded } from '../components/loaded.tsx';
import { type EventQuery, useEvents } from '../data/use-events.ts';
import { usePageSize } from '../data/use-page-size.ts';
import { number } from '../format/amount.ts';
import styles from './event-list.module.css';
import { EventTable } from './event-table.tsx';

/** The matching events, one page at a time, newest first; `children` if there are none. */
export function EventList(props: { id: string; query: EventQuery; children: ReactNode }) {
  const size = usePageSize();
  // with another page size, pages start elsewhere
  return <Pages key={size} size={size} {...props} />;
}

function Pages(props: { id: string; query: EventQuery; size: number; children: ReactNode }) {
  const { id, query, size, children } = props;
  const list = useRef<HTMLDivElement>(null);
  // the cursors of the pages before this one; empty on the first page
  const [cursors, setCursors] = useState<string[]>([]);
  const [follow, setFollow] = useState(true);
  const events = useEvents(id, query, { cursor: cursors.at(-1), follow, size });
  const turned = useRef(false);

  // a new page is read from its top
  // biome-ignore lint/correctness/useExhaustiveDependencies: the cursors are the page
  useEffect(() => {
    if (!turned.current) return;
    // focus() alone does not scroll a list that is taller than the window
    list.current?.focus({ preventScroll: true });
    list.current?.scrollIntoView({ block: 'start' });
  }, [cursors]);

  const turn = (next: string[]) => {
    turned.current = true;
    setCursors(next);
  };
  const first = cursors.length * size + 1;
  const shown = events.data?.items.length ?? 0;
  const range = shown > 0 ? `Events ${number(first)} to ${number(first + shown - 1)}` : 'Events';
  const older = events.isPlaceholderData ? null : events.data?.next_cursor;
  return (
    <>
      <div
        ref={list}
        // gets the focus when another page is shown
        tabIndex={-1}
        role="group"
        aria-label={range}
        aria-busy={events.isPlaceholderData}
        className={styles.list}
      >
        <Loaded query={events} what="the events">
          {({ items }) =>
            items.length === 0 && cursors.length === 0 ? (
              children
            ) : (
              <EventTable events={items} caption={range} />
            )
          }
        </Loaded>
      </div>
      {(shown > 0 || cursors.length > 0) && (
        <nav aria-label="Pages of events" className={styles.pager}>
          <span className={styles.range}>
            {events.isPlaceholderData ? 'Loading the events…' : `${range}, newest first`}
          </span>
          {cursors.length === 0 && (
            <label className={styles.follow}>
              <input
                type="checkbox"
                checked={follow}
                onChange={(event) => setFollow(event.target.checked)}
              />
              Show new events as they arrive
            </label>
          )}
          {(cursors.length > 0 || older) && (
            <span className={styles.buttons}>
              <Button
                aria-disabled={cursors.length === 0}
                onClick={() => cursors.length > 0 && turn(cursors.slice(0, -1))}
              >
                <ChevronLeft size={18} aria-hidden />
                Newer
              </Button>
              <Button aria-disabled={!older} onClick={() => older && turn([...cursors, older])}>
                Older
                <ChevronRight size={18} aria-hidden />
              </Button>
            </span>
          )}
        </nav>
      )}
    </>
  );
}
