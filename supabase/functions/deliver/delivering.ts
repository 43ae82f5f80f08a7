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

/** How many attempts were made, and whether more may be due. */
export interface Delivered {
  attempts: number;
  delivered: number;
  more: boolean;
}

/** Attempts what is due until nothing is, or a bound is reached. Rejects where the database fails. */
export async function deliverAll(
  { claim, report, attempt }: Delivering,
  { spanMs, attempts, atOnce } = bounds,
): Promise<Delivered> {
  const until = performance.now() + spanMs;
  const done: Delivered = { attempts: 0, delivered: 0, more: false };
  const settled: Result[] = [];
  let underWay = 0;
  let wake = () => {};
  const begin = async (delivery: ClaimedDelivery) => {
    underWay += 1;
    const posted = await attempt(delivery);
    settled.push({ id: delivery.id, claim: delivery.claim, ...posted });
    underWay -= 1;
    wake();
  };
  for (;;) {
    if (settled.length > 0) {
      const results = settled.splice(0, 500);
      await report(results);
      done.delivered += results.filter(({ outcome }) => outcome === 'delivered').length;
    }
    const places = Math.min(atOnce - underWay, attempts - done.attempts);
    done.more = places <= 0 || performance.now() >= until;
    const claimed =
      done.more && (underWay > 0 || done.attempts >= attempts || performance.now() >= until)
        ? []
        : await claim(places);
    done.attempts += claimed.length;
    for (const delivery of claimed) void begin(delivery);
    if (settled.length > 0) continue;
    if (underWay === 0) return done;
    // until one ends: it may be the one that its key's next waits for
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}
