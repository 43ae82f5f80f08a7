import { Histogram, type Registry } from 'prom-client';

/** Does work, and measures how long it takes. */
export type Timed = <Result>(work: () => Promise<Result>) => Promise<Result>;

/** Does work without measuring it. */
export const untimed: Timed = (work) => work();

/** Measures in a histogram, in seconds, by `result`: ok or failed. */
function createLatency(registry: Registry, name: string, help: string): Timed {
  const histogram = new Histogram({
    name,
    help,
    labelNames: ['result'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  });
  return async (work) => {
    const startedAt = performance.now();
    let result = 'failed';
    try {
      const done = await work();
      result = 'ok';
      return done;
    } finally {
      histogram.observe({ result }, (performance.now() - startedAt) / 1_000);
    }
  };
}

/** How long the database takes. */
export function createDatabaseLatency(registry: Registry): { lookUp: Timed; record: Timed } {
  return {
    lookUp: createLatency(
      registry,
      'gateway_lookup_seconds',
      'From asking the database for a key to its answer, including the wait for a connection.',
    ),
    record: createLatency(
      registry,
      'gateway_record_seconds',
      'From handing a batch of usage events to the database to its answer.',
    ),
  };
}

/** How long name servers take: names from the hosts file or the cache are not measured. */
export function createNameLatency(registry: Registry): Timed {
  return createLatency(
    registry,
    'gateway_name_resolution_seconds',
    'From asking name servers for a name to their answer.',
  );
}
