import { useDeferredValue, useEffect, useMemo, useRef } from 'react';
import { useAddressFilters } from '../components/address-filters.ts';
import { Button } from '../components/button.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { Pager } from '../components/pager.tsx';
import type { OwnKeys } from '../data/key.ts';
import { counted, number } from '../format/amount.ts';
import { moment, useNow } from '../usage-chart/use-now.ts';
import type { OpenKeyDialog } from './key-dialog.tsx';
import { KeyFilterBar } from './key-filter-bar.tsx';
import {
  applyFilters,
  firstFilters,
  type KeyFilters,
  keyFilters,
  missesDeleted,
} from './key-filters.ts';
import styles from './key-list.module.css';
import { KeyTable } from './key-table.tsx';

// more rows than anybody reads at once only make each keystroke slower
const pageSize = 50;

/**
 * The keys that fit the filters, a page at a time. Both are in the address, to be kept or sent, and so
 * that the way back from a key leads to where one was.
 */
export function KeyList(props: OwnKeys & { onAction: (dialog: OpenKeyDialog) => void }) {
  const { keys, hasOlder, onAction } = props;
  const now = useNow(moment);
  const [filters, setFilters] = useAddressFilters(keyFilters);
  const list = useRef<HTMLElement>(null);
  const turned = useRef(false);

  // typing goes on while the list follows
  const followed = useDeferredValue(filters);
  const shown = useMemo(() => applyFilters(keys, followed, now), [keys, followed, now]);
  const pages = Math.max(1, Math.ceil(shown.length / pageSize));
  const current = Math.min(filters.page, pages);

  // another page is read from its beginning
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is once the page is another
  useEffect(() => {
    if (!turned.current) return;
    turned.current = false;
    // a focus alone leaves a list that is higher than the window where it is
    list.current?.focus({ preventScroll: true });
    list.current?.scrollIntoView({ block: 'start' });
  }, [current]);

  const turn = (page: number) => {
    turned.current = true;
    setFilters({ page });
  };
  // other filters begin at the first page again
  const change = (changes: Partial<KeyFilters>) => setFilters({ page: 1, ...changes });
  return (
    <>
      <KeyFilterBar keys={keys} filters={filters} onChange={change} />
      <p role="status" className="visually-hidden">
        {counted(shown.length, 'key')} shown
      </p>
      {/* for the focus of a row that went away, or when another page comes */}
      <section ref={list} tabIndex={-1} aria-label="Your keys" className={styles.list}>
        {shown.length === 0 ? (
          <EmptyState title="No key fits these filters">
            <Button onClick={() => change({ ...firstFilters, state: '' })}>Show all keys</Button>
          </EmptyState>
        ) : (
          <>
            <KeyTable
              keys={shown.slice((current - 1) * pageSize, current * pageSize)}
              order={followed.sort}
              onOrder={(sort) => change({ sort })}
              onAction={onAction}
            />
            <Pager
              page={current}
              pages={pages}
              summary={`${shown.length < keys.length ? `${number(shown.length)} of ` : ''}${counted(keys.length, 'key')}`}
              onPage={turn}
            />
          </>
        )}
        {missesDeleted(hasOlder, followed) && (
          <p className={styles.note}>Older deleted keys are not shown.</p>
        )}
      </section>
    </>
  );
}
