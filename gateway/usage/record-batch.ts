import { isRefusalOfData, type RecordedUsage } from './record-usage.ts';
import type { RejectedEvent } from './rejected-events.ts';
import type { UsageEvent } from './usage-event.ts';

/**
 * Records a batch, and gives the events that the database refuses for good. An event that spoils its
 * whole batch is found by halving it. `record` is given each batch that is tried; what it throws, but a
 * refusal of data, is thrown.
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
    // a table that is being changed may refuse what it takes a moment later
    if (batch.length === 1 && again) return recordBatch(record, batch, false);
    if (batch.length === 1) return batch.map((event) => ({ event, reason: code }));
    // the event that spoils the batch is in one half of it
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
