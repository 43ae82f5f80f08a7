import { type Finding, openFuzzBed } from './fuzz-bed.ts';
import type { FuzzCase } from './fuzz-case.ts';
import type { FuzzedGateway, Held } from './fuzzed-gateway.ts';

export interface FuzzingOptions {
  gateway: FuzzedGateway;
  /** The port of a target that never accepts a connection. */
  deafPort: number;
  /** The number of concurrent conversations. */
  atOnce: number;
  /** Called after each case. */
  onCase?: (kind: string) => void;
}

/**
 * Runs a conversation for each case from `nextCase`, many at once, and returns the faults. If the
 * gateway itself fails, all running cases are suspects.
 */
export async function fuzz(
  nextCase: () => FuzzCase | undefined,
  { gateway, deafPort, atOnce, onCase }: FuzzingOptions,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const underWay = new Set<FuzzCase>();
  let over = false;
  const worker = async () => {
    const bed = await openFuzzBed(gateway.port, deafPort);
    try {
      while (!over) {
        const fuzzCase = nextCase();
        if (!fuzzCase) return;
        underWay.add(fuzzCase);
        const finding = await bed.run(fuzzCase);
        const failure = gateway.failure();
        if (failure && !over) {
          over = true;
          for (const suspect of underWay) findings.push({ what: failure, case: suspect });
        } else if (finding && !over) findings.push(finding);
        underWay.delete(fuzzCase);
        onCase?.(fuzzCase.kind);
      }
    } finally {
      await bed.close();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return findings;
}

/** Throws if the gateway has failed, or holds more than `before`, `cases` cases ago. */
export async function expectNothingLeft(
  gateway: FuzzedGateway,
  before: Held,
  cases: number,
): Promise<Held> {
  const held = await gateway.settled(before.sockets);
  // compiled code grows at first
  const most = before.heapBytes + 1_000_000 + cases * 100;
  if (held.heapBytes > most) {
    throw new Error(
      `the heap grew by ${held.heapBytes - before.heapBytes} bytes in ${cases} cases`,
    );
  }
  const internal = await gateway.metric('gateway_connects_total', { status: '500' });
  if (internal > 0) throw new Error(`${internal} requests were answered 500`);
  await gateway.serves();
  return held;
}
