import { isRefusalOfData, type RecordedUsage } from './record-usage.ts';
import type { RejectedEvent } from './rejected-events.ts';
import type { UsageEvent } from './usage-event.ts';

/**
 * Records a batch, and returns the events that the database refuses permanently. An event that
 * makes its whole batch fail is found by halving the batch. `record` is called with each batch that
 * is tried; its errors are rethrown, except refusals of data.
 */
export async function recordBatch(
  record: (events: UsageEvent[]) => Promise<RecordedUsage>,
  batch: UsageEvent[],
  again = true,
): Promise<RejectedEvent[]> {
  let answer: RecordedUsage;
  try {
    answer = await record(batch);
  } catch (error) {
    if (!isRefusalOfData(error)) throw error;
    const { code } = error;
    // a table that is being altered may refuse an event that it accepts a moment later
    if (batch.length === 1 && again) return recordBatch(record, batch, false);
    if (batch.length === 1) return batch.map((event) => ({ event, reason: code }));
    // the event that makes the batch fail is in one half of it
    const middle = Math.ceil(batch.length / 2);
    return [
      ...(await recordBatch(record, batch.slice(0, middle))),
      ...(await recordBatch(record, batch.slice(middle))),
    ];
  }
  return answer.rejected.flatMap(({ index, reason }) => {
    const event = batch[index];
    return event === undefined ? [] : [{ event, reason }];
  });
}
