import { addFigure, type Measuring } from './measuring.ts';
import { runTrials } from './revocation/trials.ts';
import { quantile } from './statistics.ts';

/** How long after the answer to a rotation or deletion a gateway still acts on the old secret. */
export async function measureRevocation(measuring: Measuring): Promise<void> {
  const { lastAccepted, tunnelClosed } = await runTrials(measuring);
  const add = (name: string, delays: number[]) =>
    addFigure(measuring, {
      group: 'revocation',
      name: `${name}, from the answer on`,
      unit: 'ms',
      values: {
        p50: quantile(delays, 0.5),
        p99: quantile(delays, 0.99),
        max: Math.max(...delays),
        'of all': delays.length,
        'after the answer': delays.filter((delay) => delay > 0).length,
      },
    });
  add('rotate: last acceptance', lastAccepted.rotate);
  add('delete: last acceptance', lastAccepted.delete);
  add('delete: end of open tunnels', tunnelClosed);
}
