import { ChevronLeft, ChevronRight } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { useLocation, useNavigate } from 'react-router';
import { useAddressFilters } from '../components/address-filters.ts';
import { Button } from '../components/button.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { Loaded } from '../components/loaded.tsx';
import { useDebounced } from '../components/use-debounced.ts';
import { exportKeys } from '../data/export-keys.ts';
import type { Key } from '../data/key.ts';
import { useKeyPage } from '../data/use-keys.ts';
import { usePageSize } from '../data/use-page-size.ts';
import { counted, number } from '../format/amount.ts';
import { useSession } from '../session/session-context.ts';
import { CsvExport } from '../usage/csv-export.tsx';
import type { OpenKeyDialog } from './key-dialog.tsx';
import { KeyFilterBar } from './key-filter-bar.tsx';
import {
  firstFilters,
  type KeyFilters,
  keyFilters,
  mostListed,
  toKeyQuery,
} from './key-filters.ts';
import styles from './key-list.module.css';
import { KeyTable } from './key-table.tsx';
import { SelectionBar } from './selection-bar.tsx';

/**
 * The matching keys, one page at a time. The filters are in the URL, so that it can be bookmarked or
 * shared; the page cursors are in the history state, so that going back from a key restores the page.
 */
export function KeyList({ onAction }: { onAction: (dialog: OpenKeyDialog) => void }) {
  const { supabase } = useSession();
  const [filters, setFilters] = useAddressFilters(keyFilters);
  const navigate = useNavigate();
  const { search: address, state } = useLocation() as {
    search: string;
    state: { cursors?: string[] } | null;
  };
  const cursors = useMemo(() => state?.cursors ?? [], [state]);
  // with menus and meters, more rows would block the browser for over 50 ms
  const limit = usePageSize(25);
  const list = useRef<HTMLElement>(null);
  const turned = useRef(false);
  const [selected, setSelected] = useState<ReadonlyMap<string, Key>>(new Map());

  // typing stays responsive while the list follows
  const search = useDebounced(filters.search);
  const query = toKeyQuery({ ...filters, search });
  const keys = useKeyPage(query, { limit, cursor: cursors.at(-1) ?? '' });

  // a new page is read from its top
  // biome-ignore lint/correctness/useExhaustiveDependencies: the cursors are the page
  useEffect(() => {
    if (!turned.current) return;
    turned.current = false;
    // focus() alone does not scroll a list that is taller than the window
    list.current?.focus({ preventScroll: true });
    list.current?.scrollIntoView({ block: 'start' });
  }, [cursors]);

  const turn = (next: string[]) => {
    turned.current = true;
    void navigate({ search: address }, { replace: true, state: { cursors: next } });
  };
  // new filters start at the first page and clear the selection, so that no unseen key is changed
  const change = (changes: Partial<KeyFilters>) => {
    setSelected(new Map());
    setFilters(changes);
  };
  const items = keys.data?.items ?? [];
  const first = cursors.length * limit + 1;
  const last = first + items.length - 1;
  const next = keys.isPlaceholderData ? null : keys.data?.next_cursor;
  return (
    <>
      <KeyFilterBar filters={filters} onChange={change} />
      <p role="status" className="visually-hidden">
        {keys.data && !keys.isPlaceholderData && `${counted(items.length, 'key')} shown`}
      </p>
      {/* gets the focus when a focused row is removed or another page is shown */}
      <section
        ref={list}
        tabIndex={-1}
        aria-label="Your keys"
        aria-busy={keys.isPlaceholderData}
        className={styles.list}
      >
        <Loaded query={keys} what="your keys">
          {() =>
            items.length === 0 && cursors.length === 0 ? (
              <EmptyState title="No keys match these filters">
                <Button onClick={() => change({ ...firstFilters, state: '' })}>
                  Show all keys
                </Button>
              </EmptyState>
            ) : (
              <>
                <SelectionBar
                  page={items.filter((key) => !key.deleted_at)}
                  selected={selected}
                  onSelect={setSelected}
                  onAction={onAction}
                />
                <KeyTable
                  keys={items}
                  order={filters.sort}
                  onOrder={(sort) => change({ sort })}
                  selected={selected}
                  onSelect={setSelected}
                  onAction={onAction}
                />
                <nav aria-label="Pages of keys" className={styles.pager}>
                  <span className={styles.range}>
                    {items.length > 0 && `Keys ${number(first)} to ${number(last)}`}
                  </span>
                  <CsvExport name="keys.csv" read={() => exportKeys(supabase, query)} />
                  {(cursors.length > 0 || next) && (
                    <span className={styles.buttons}>
                      <Button
                        aria-disabled={cursors.length === 0}
                        onClick={() => cursors.length > 0 && turn(cursors.slice(0, -1))}
                      >
                        <ChevronLeft size={18} aria-hidden />
                        Previous page
                      </Button>
                      <Button
                        aria-disabled={!next}
                        onClick={() => next && turn([...cursors, next])}
                      >
                        Next page
                        <ChevronRight size={18} aria-hidden />
                      </Button>
                    </span>
                  )}
                </nav>
              </>
            )
          }
        </Loaded>
        {last >= mostListed(filters) && (
          <p className={styles.note}>
            This order leaves out older deleted keys. To see all keys, sort by newest or oldest
            first.
          </p>
        )}
      </section>
    </>
  );
}
