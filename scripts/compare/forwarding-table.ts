import type { Reached } from '../../test/gateway/forwarding/run-exchange.ts';

/** The outcome of an exchange through one proxy over several runs: all faults of the first run with any. */
export interface Outcome {
  faults: string[];
  /** The result of each run. */
  reached: Reached[];
}

/** One exchange, and its outcome through each proxy in the order of the table's columns. */
export interface Row {
  name: string;
  right: string;
  outcomes: Outcome[];
}

/** A Markdown table of one section. */
export function formatTable(proxies: string[], rows: Row[]): string {
  const columns = ['Exchange', 'Right', ...proxies];
  return [
    line(columns),
    line(columns.map(() => '---')),
    ...rows.map(({ name, right, outcomes }) => line([name, right, ...outcomes.map(verdict)])),
  ].join('\n');
}

function line(cells: string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** Shows at most two faults: others mostly follow from them. */
function verdict({ faults, reached }: Outcome): string {
  if (faults.length > 0) return `**${faults.slice(0, 2).join('; ')}**`;
  return `right: ${[...new Set(reached.map(whatClientGot))].sort().join(' or ')}`;
}

function whatClientGot({ client: { answer, interim, ending } }: Reached): string {
  if (!answer) return 'no answer';
  const statuses = [...interim, answer].map(({ status }) => status).join(', ');
  const whole = answer.complete || (answer.framing === 'connection' && ending === 'end');
  return whole ? statuses : `${statuses}, broken`;
}
