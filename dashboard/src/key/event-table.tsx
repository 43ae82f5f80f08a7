import { Fragment } from 'react';
import table from '../components/table.module.css';
import { type Column, Table } from '../components/table.tsx';
import type { UsageEvent } from '../data/key.ts';
import { bytes, counted } from '../format/amount.ts';
import { clockTime, date } from '../format/time.ts';
import styles from './event-table.module.css';
import { duration, statusWords } from './event-words.ts';

const columns: Column<UsageEvent>[] = [
  {
    name: 'Time (UTC)',
    kind: 'row',
    className: styles.time,
    cell: ({ occurred_at }) => (
      <time dateTime={occurred_at}>
        {date(occurred_at)}, {clockTime(occurred_at)}
      </time>
    ),
  },
  {
    name: 'Target host',
    wide: true,
    className: styles.host,
    cell: ({ target_host, count }) => (
      <>
        <bdi>{target_host}</bdi>
        {count === 0 && <p className={table.small}>Continued from an earlier hour</p>}
      </>
    ),
  },
  { name: 'Method', className: styles.method, cell: ({ method }) => <bdi>{method}</bdi> },
  {
    name: 'Status',
    wide: true,
    className: styles.status,
    cell: (event) => <Status value={event} />,
  },
  {
    name: 'Sent',
    kind: 'number',
    className: styles.amount,
    cell: ({ bytes_sent }) => bytes(bytes_sent),
  },
  {
    name: 'Received',
    kind: 'number',
    className: styles.amount,
    cell: ({ bytes_received }) => bytes(bytes_received),
  },
  {
    name: 'Duration',
    kind: 'number',
    className: styles.amount,
    cell: ({ duration_ms }) => duration(duration_ms),
  },
  {
    name: 'Gateway',
    className: styles.name,
    cell: ({ served_by_node_id }) => <bdi>{served_by_node_id}</bdi>,
  },
];

/** Events, one row each. */
export function EventTable({ events, caption }: { events: UsageEvent[]; caption: string }) {
  const continued = events.some(({ count }) => count === 0);
  return (
    <>
      <Table
        caption={caption}
        columns={columns}
        rows={events}
        idOf={({ event_id, occurred_at }) => `${event_id} ${occurred_at}`}
        className={styles.events}
      />
      {continued && (
        <p className={styles.continued}>
          A connection that stays open for hours has one row per hour, with the bytes of that hour.
          All of its rows count as one connection.
        </p>
      )}
    </>
  );
}

/** The event's status; for a refusal or failure also its code and how to fix it. */
export function Status({ value: event }: { value: UsageEvent }) {
  const words = statusWords(event);
  return (
    <>
      {event.status_code}
      {words && <span className={styles.words}> {words}</span>}
      {event.code && (
        <p className={table.small}>
          <Code value={event.code} />
          {event.count > 1 && `, ${counted(event.count, 'time')}`}
        </p>
      )}
      {event.how_to_fix && <p className={table.small}>{event.how_to_fix}</p>}
    </>
  );
}

/** A code that can wrap after its underscores and is still copied in one piece. */
function Code({ value }: { value: string }) {
  const [first, ...words] = value.split('_');
  return (
    <code>
      {first}
      {words.map((word, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the words of a code stay in their places
        <Fragment key={index}>
          _<wbr />
          {word}
        </Fragment>
      ))}
    </code>
  );
}
