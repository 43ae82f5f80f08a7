import { Download } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Button } from '../components/button.tsx';
import { RefusalNotice } from '../components/refusal-notice.tsx';
import { download, exportEvents } from '../data/export-events.ts';
import type { Key } from '../data/key.ts';
import { Refusal } from '../data/refusal.ts';
import type { EventQuery } from '../data/use-events.ts';
import { counted } from '../format/amount.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import styles from './event-export.module.css';

/** Downloads the matching events as one CSV file, complete or not at all. */
export function EventExport(props: { value: Key; query: EventQuery; filtered: boolean }) {
  const { value: key, query, filtered } = props;
  const { supabase } = useSession();
  const announce = useAnnounce();
  const [running, setRunning] = useState<AbortController>();
  const [events, setEvents] = useState(0);
  const [refusal, setRefusal] = useState<Refusal>();
  // stop the export when the component goes away
  useEffect(() => () => running?.abort(), [running]);

  async function start() {
    const controller = new AbortController();
    setRunning(controller);
    setEvents(0);
    setRefusal(undefined);
    try {
      let parts: Blob[] = [];
      let count = 0;
      for await (const soFar of exportEvents(supabase, key.id, query, controller.signal)) {
        ({ parts, events: count } = soFar);
        setEvents(count);
      }
      controller.signal.throwIfAborted();
      download(parts, `${key.key_id}-events.csv`);
      announce(`${counted(count, 'event')} downloaded.`);
    } catch (error) {
      if (controller.signal.aborted) return;
      setRefusal(error instanceof Refusal ? error : new Refusal('internal'));
    } finally {
      setRunning((now) => (now === controller ? undefined : now));
    }
  }
  return (
    <div className={styles.export}>
      <div className={styles.row}>
        <Button busy={running !== undefined} onClick={() => void start()}>
          {!running && <Download size={18} aria-hidden />}
          {filtered ? 'Download these events (CSV)' : 'Download all events (CSV)'}
        </Button>
        {running && (
          <Button
            onClick={() => {
              running.abort();
              announce('Download canceled. No file was saved.');
            }}
          >
            Cancel download
          </Button>
        )}
        <span role="status" className={styles.progress}>
          {running && events > 0 && `${counted(events, 'event')} so far`}
        </span>
      </div>
      {refusal && (
        <>
          <RefusalNotice reading refusal={refusal} />
          <p>
            No file was saved.{' '}
            <Button kind="link" onClick={() => void start()}>
              Try again
            </Button>
          </p>
        </>
      )}
    </div>
  );
}
