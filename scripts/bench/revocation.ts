import type { Measuring } from './measuring.ts';
import type { DelayFigure } from './report.ts';
import { runBlackHole } from './revocation/black-hole.ts';
import { runTrials } from './revocation/trials.ts';
import { quantile } from './statistics.ts';

/**
 * How long after the answer to a rotation or deletion a gateway still acts on the old secret. A quick
 * run leaves the black hole out, which takes more than half a minute.
 */
export async function measureRevocation(measuring: Measuring): Promise<void> {
  const { lastAccepted, tunnelClosed } = await runTrials(measuring);
  tell(measuring, 'rotate: last acceptance', lastAccepted.rotate);
  tell(measuring, 'delete: last acceptance', lastAccepted.delete);
  tell(measuring, 'delete: end of open tunnels', tunnelClosed);
  if (measuring.size.blackHole) {
    tell(measuring, 'database in a black hole: last acceptance', await runBlackHole(measuring));
  }
}

function tell({ report, tell }: Measuring, name: string, delays: number[]): void {
  const figure: DelayFigure = {
    name,
    count: delays.length,
    after: delays.filter((delay) => delay > 0).length,
    median: quantile(delays, 0.5),
    p99: quantile(delays, 0.99),
    max: Math.max(...delays),
  };
  report.revocation = [...(report.revocation ?? []), figure];
  tell(`revocation: ${name}: at most ${figure.max.toFixed(1)} ms after the answer`);
}
