import type { ClaimedDelivery } from './claimed-delivery.ts';
import type { Posted } from './post.ts';

/** What one attempt came to, as `report_proxy_deliveries` takes it. */
export interface Result extends Posted {
  id: string;
  claim: string;
}

export interface Delivering {
  /** Claims up to so many deliveries that are due. */
  claim(most: number): Promise<ClaimedDelivery[]>;
  report(results: Result[]): Promise<void>;
  attempt(delivery: ClaimedDelivery): Promise<Posted>;
}

/** What an invocation does: it ends by itself, well within what the platform allows. */
const bounds = {
  /** New deliveries are claimed for so long, in ms. */
  spanMs: 40_000,
  /** The platform gives an invocation 2 s of CPU. */
  attempts: 400,
  atOnce: 150,
};

/**
 * Claims what is due; resolves to how much, and to the end of all attempts: until nothing is due, or a bound is
 * reached. Rejects where the database fails, both times.
 */
export async function beginDelivering(
  { claim, report, attempt }: Delivering,
  { spanMs, attempts, atOnce } = bounds,
): Promise<{ claimed: number; ended: Promise<void> }> {
  const until = performance.now() + spanMs;
  const settled: Result[] = [];
  let underWay = 0;
  let begun = 0;
  let wake = () => {};
  const begin = async (delivery: ClaimedDelivery) => {
    underWay += 1;
    const posted = await attempt(delivery);
    underWay -= 1;
    settled.push({ id: delivery.id, claim: delivery.claim, ...posted });
    wake();
  };
  const beginAll = (deliveries: ClaimedDelivery[]) => {
    begun += deliveries.length;
    for (const delivery of deliveries) void begin(delivery);
  };
  const run = async () => {
    while (underWay > 0 || settled.length > 0) {
      if (settled.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      // what ended may be what its key's next waits for, or its webhook's
      await report(settled.splice(0, 500));
      const places = Math.min(atOnce - underWay, attempts - begun);
      if (places > 0 && performance.now() < until) beginAll(await claim(places));
    }
  };
  const first = await claim(Math.min(atOnce, attempts));
  beginAll(first);
  return { claimed: first.length, ended: run() };
}
