import type { ClaimedDelivery } from './claimed-delivery.ts';
import type { Posted } from './post.ts';

/** The result of one attempt, as `report_proxy_deliveries` takes it. */
export interface Result extends Posted {
  id: string;
  claim: string;
}

export interface Delivering {
  /** Claims at most this many deliveries that are due. */
  claim(most: number): Promise<ClaimedDelivery[]>;
  report(results: Result[]): Promise<void>;
  attempt(delivery: ClaimedDelivery): Promise<Posted>;
}

/** The limits of an invocation, which stops well within the platform's limits. */
const bounds = {
  /** How long new deliveries are claimed, in ms. */
  spanMs: 40_000,
  /** The platform gives an invocation 2 s of CPU. */
  attempts: 400,
  atOnce: 150,
};

/**
 * Claims and attempts deliveries until none is due or a bound is reached. Resolves to the number first claimed and
 * to `ended`, which resolves after the last attempt. Both promises reject if the database fails.
 */
export async function beginDelivering(
  { claim, report, attempt }: Delivering,
  { spanMs, attempts, atOnce } = bounds,
): Promise<{ claimed: number; ended: Promise<void> }> {
  const until = performance.now() + spanMs;
  const settled: Result[] = [];
  let underWay = 0;
  let started = 0;
  let wake = () => {};
  const begin = async (delivery: ClaimedDelivery) => {
    underWay += 1;
    const posted = await attempt(delivery);
    underWay -= 1;
    settled.push({ id: delivery.id, claim: delivery.claim, ...posted });
    wake();
  };
  const beginAll = (deliveries: ClaimedDelivery[]) => {
    started += deliveries.length;
    for (const delivery of deliveries) void begin(delivery);
  };
  const run = async () => {
    while (underWay > 0 || settled.length > 0) {
      if (settled.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      // the next delivery of the same key or webhook may wait for this report
      await report(settled.splice(0, 500));
      const places = Math.min(atOnce - underWay, attempts - started);
      if (places > 0 && performance.now() < until) beginAll(await claim(places));
    }
  };
  const first = await claim(Math.min(atOnce, attempts));
  beginAll(first);
  return { claimed: first.length, ended: run() };
}
