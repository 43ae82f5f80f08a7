import { Fragment } from 'react';
import table from '../components/table.module.css';
import type { UsageEvent } from '../data/key.ts';
import { bytes, counted } from '../format/amount.ts';
import { clockTime, date } from '../format/time.ts';
import styles from './event-table.module.css';
import { duration, statusWords } from './event-words.ts';

/** Some events, a row each; on a phone a card each. */
export function EventTable({ events, caption }: { events: UsageEvent[]; caption: string }) {
  const continued = events.some(({ count }) => count === 0);
  return (
    <>
      <div className={table.frame}>
        {/* the roles hold where a phone's layout takes a table's own away */}
        <table role="table" className={`${table.table} ${table.cards} ${styles.events}`}>
          <caption className="visually-hidden">{caption}</caption>
          <thead role="rowgroup">
            <tr role="row">
              <th role="columnheader">Time (UTC)</th>
              <th role="columnheader">Target host</th>
              <th role="columnheader">Method</th>
              <th role="columnheader">Status</th>
              <NumberHeader name="Sent" />
              <NumberHeader name="Received" />
              <NumberHeader name="Duration" />
              <th role="columnheader">Node</th>
            </tr>
          </thead>
          <tbody role="rowgroup">
            {events.map((event) => (
              <EventRow key={`${event.event_id} ${event.occurred_at}`} value={event} />
            ))}
          </tbody>
        </table>
      </div>
      {continued && (
        <p className={styles.continued}>
          A connection that stays open for hours has one row per hour, with the bytes of that hour.
          All of its rows count as one connection.
        </p>
      )}
    </>
  );
}

/** A code that may be broken after its underscores, and is copied whole. */
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

function NumberHeader({ name }: { name: string }) {
  return (
    <th role="columnheader" className={table.number}>
      {name}
    </th>
  );
}

function EventRow({ value: event }: { value: UsageEvent }) {
  const words = statusWords(event);
  const numberClass = `${table.number} ${styles.amount}`;
  return (
    <tr role="row">
      <th role="rowheader" scope="row" className={styles.time}>
        <time dateTime={event.occurred_at}>
          {date(event.occurred_at)}, {clockTime(event.occurred_at)}
        </time>
      </th>
      <td role="cell" data-name="Target host" className={`${table.wide} ${styles.host}`}>
        <bdi>{event.target_host}</bdi>
        {event.count === 0 && <p className={table.small}>Goes on from an earlier hour</p>}
      </td>
      <td role="cell" data-name="Method">
        <bdi>{event.method}</bdi>
      </td>
      <td role="cell" data-name="Status">
        {event.status_code}
        {words && <span className={styles.words}> {words}</span>}
        {event.code && (
          <p className={table.small}>
            <Code value={event.code} />
            {event.count > 1 && `, ${counted(event.count, 'time')}`}
          </p>
        )}
      </td>
      <td role="cell" data-name="Sent" className={numberClass}>
        {bytes(event.bytes_sent)}
      </td>
      <td role="cell" data-name="Received" className={numberClass}>
        {bytes(event.bytes_received)}
      </td>
      <td role="cell" data-name="Duration" className={numberClass}>
        {duration(event.duration_ms)}
      </td>
      <td role="cell" data-name="Node" className={styles.node}>
        <bdi>{event.served_by_node_id}</bdi>
      </td>
    </tr>
  );
}
