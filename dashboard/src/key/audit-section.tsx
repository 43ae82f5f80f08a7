import { useEffect, useRef } from 'react';
import { Button } from '../components/button.tsx';
import { Loaded } from '../components/loaded.tsx';
import { RefusalNotice } from '../components/refusal-notice.tsx';
import type { AuditEntry } from '../data/key.ts';
import { useReader } from '../data/reader.ts';
import { Refusal } from '../data/refusal.ts';
import { useAudit } from '../data/use-audit.ts';
import { dateTime } from '../format/time.ts';
import { useSession } from '../session/session-context.ts';
import styles from './audit-section.module.css';
import { actionWords, actorWords, detailsOf } from './audit-words.ts';
import { Section } from './section.tsx';

/** The key's audit history, newest first. `id` is the key's uuid. */
export function AuditSection({ id }: { id: string }) {
  const audit = useAudit(id);
  const list = useRef<HTMLOListElement>(null);
  const readFrom = useRef<number>(undefined);

  // moves the focus to the first new entry, because the button may be gone
  // biome-ignore lint/correctness/useExhaustiveDependencies: the effect runs when more entries arrive
  useEffect(() => {
    if (readFrom.current === undefined) return;
    const next = list.current?.children[readFrom.current];
    if (next instanceof HTMLElement) next.focus();
    readFrom.current = undefined;
  }, [audit.data?.length]);

  const more = () => {
    readFrom.current = audit.data?.length;
    void audit.fetchNextPage();
  };
  return (
    <Section title="History">
      <Loaded query={audit} what="the history">
        {(entries) => (
          <ol ref={list} className={styles.entries}>
            {entries.map((entry) => (
              <Entry key={entry.id} value={entry} />
            ))}
          </ol>
        )}
      </Loaded>
      {audit.isFetchNextPageError && audit.error instanceof Refusal && (
        <RefusalNotice reading refusal={audit.error} />
      )}
      {audit.hasNextPage && (
        <div>
          <Button busy={audit.isFetchingNextPage} onClick={more}>
            Show more
          </Button>
        </div>
      )}
    </Section>
  );
}

function Entry({ value: entry }: { value: AuditEntry }) {
  const { userId } = useSession();
  const { ownerId } = useReader();
  const details = detailsOf(entry);
  return (
    // gets the focus when it is the first entry of a new page
    <li tabIndex={-1} className={styles.entry}>
      <p className={styles.what}>
        <strong>{actionWords(entry)}</strong> by {actorWords(entry, userId, ownerId)}
      </p>
      <time dateTime={entry.occurred_at} className={styles.when}>
        {dateTime(entry.occurred_at)}
      </time>
      {details.length > 0 && (
        <ul className={styles.details}>
          {details.map(({ text, value }) => (
            <li key={text}>
              {text}
              {value !== undefined && (
                <>
                  {' '}
                  <bdi>{value}</bdi>
                </>
              )}
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}
