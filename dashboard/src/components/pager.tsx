import { ChevronLeft, ChevronRight } from 'lucide-react';
import { Button } from './button.tsx';
import styles from './pager.module.css';

/** Goes through the pages of a list. `summary` says what is in all of them. */
export function Pager(props: {
  page: number;
  pages: number;
  summary: string;
  onPage: (page: number) => void;
}) {
  const { page, pages, summary, onPage } = props;
  return (
    <nav aria-label="Pages of the list" className={styles.pager}>
      <span className={styles.summary}>{summary}</span>
      {pages > 1 && (
        <>
          <Button
            aria-label="Page before"
            aria-disabled={page === 1}
            onClick={() => page > 1 && onPage(page - 1)}
          >
            <ChevronLeft size={18} aria-hidden />
          </Button>
          <span role="status">
            Page {page} of {pages}
          </span>
          <Button
            aria-label="Next page"
            aria-disabled={page === pages}
            onClick={() => page < pages && onPage(page + 1)}
          >
            <ChevronRight size={18} aria-hidden />
          </Button>
        </>
      )}
    </nav>
  );
}
