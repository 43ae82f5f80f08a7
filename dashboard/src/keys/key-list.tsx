import { useDeferredValue, useEffect, useMemo, useRef } from 'react';
import { useSearchParams } from 'react-router';
import { Button } from '../components/button.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { Pager } from '../components/pager.tsx';
import type { OwnKeys } from '../data/key.ts';
import { counted, number } from '../format/amount.ts';
import { withoutSecret } from '../format/without-secret.ts';
import type { OpenKeyDialog } from './key-dialog.tsx';
import { KeyFilterBar } from './key-filter-bar.tsx';
import {
  applyFilters,
  firstFilters,
  missesDeleted,
  readFilters,
  writeFilters,
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
  const [parameters, setParameters] = useSearchParams();
  const filters = useMemo(() => readFilters(parameters), [parameters]);
  const page = readPage(parameters);
  const list = useRef<HTMLElement>(null);
  const turned = useRef(false);

  // typing goes on while the list follows
  const followed = useDeferredValue(filters);
  const shown = useMemo(() => applyFilters(keys, followed, Date.now()), [keys, followed]);
  const pages = Math.max(1, Math.ceil(shown.length / pageSize));
  const current = Math.min(page, pages);

  // another page is read from its beginning
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is once the page is another
  useEffect(() => {
    if (!turned.current) return;
    turned.current = false;
    // a focus alone leaves a list that is higher than the window where it is
    list.current?.focus({ preventScroll: true });
    list.current?.scrollIntoView({ block: 'start' });
  }, [current]);

  const turn = (next: number) => {
    turned.current = true;
    const address = writeFilters(filters);
    if (next > 1) address.set('page', String(next));
    setParameters(address, { replace: true });
  };
  // other filters begin at the first page again
  const change = (changes: Partial<typeof filters>) => {
    const search = withoutSecret(changes.search ?? filters.search);
    setParameters(writeFilters({ ...filters, ...changes, search }), { replace: true });
  };
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
              sort={followed}
              onSort={(sort, descending) => change({ sort, descending })}
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

/** The page that an address names; the first where it names none. */
function readPage(parameters: URLSearchParams): number {
  const page = Number(parameters.get('page'));
  return Number.isSafeInteger(page) && page > 0 ? page : 1;
}
