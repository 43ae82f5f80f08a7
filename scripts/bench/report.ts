import { cpus } from 'node:os';
import type { MemoryUse } from './gateway/measured-process.ts';
import type { Comparison } from './interleave.ts';
import type { Spread } from './statistics.ts';

/** Names a comparison and the ratio it aims at. */
export interface Title {
  group: string;
  name: string;
  connections?: number;
  against: string;
  /** Null where the ratio is told for scale alone. */
  aim: number | null;
}

/** What memory something takes in bytes, and what it takes otherwise. */
export interface MemoryFigure {
  name: string;
  candidate: MemoryUse;
  baseline?: MemoryUse;
}

/** In ms from the answer to a revocation; negative is before it. */
export interface DelayFigure {
  name: string;
  count: number;
  /** How many were later than the answer. */
  after: number;
  median: number;
  p99: number;
  max: number;
}

/** Everything that one run measured; durations are in milliseconds. */
export interface Report {
  date: string;
  command: string;
  machine: { cores: number; cpu: string; node: string };
  /** Settings of Postgres that decide what a commit costs. */
  database?: Record<string, string>;
  comparisons: (Title & Comparison & { verdict: 'ok' | 'over' | null })[];
  memory?: MemoryFigure[];
  revocation?: DelayFigure[];
  /** How long it took to record the usage events of the busy user. */
  load?: { events: number; milliseconds: number };
  starts?: { first: Spread; second: Spread };
  /** The longest that the dashboard's list kept the browser busy at once, after its start; in ms. */
  longestTask?: { keys: number; milliseconds: number; withOne: number };
}

/** An empty report of a run that begins now. */
export function newReport(command: string): Report {
  const [cpu] = cpus();
  return {
    date: new Date().toISOString(),
    command,
    machine: { cores: cpus().length, cpu: cpu?.model ?? 'unknown', node: process.version },
    comparisons: [],
  };
}

/** The report as an aligned table. */
export function formatReport({
  date,
  machine,
  comparisons,
  memory,
  revocation,
  load,
  starts,
  longestTask,
}: Report): string {
  const rows = comparisons.map((row) => [
    row.group,
    row.connections === undefined ? row.name : `${row.name}, ${row.connections} conn.`,
    formatRatio(row.ratio),
    row.aim?.toFixed(2) ?? '',
    row.verdict ?? '',
    milliseconds(row.candidate.median),
    milliseconds(row.candidate.p99),
    row.against,
    milliseconds(row.baseline.median),
    milliseconds(row.baseline.p99),
  ]);
  const head = ['group', 'what', 'ratio', 'aim', '', 'ms', 'p99', 'against', 'ms', 'p99'];
  const lines = [`${date}, ${machine.cores} cores, Node ${machine.node}`];
  if (rows.length > 0) lines.push('', ...align([head, ...rows]));
  if (memory) {
    lines.push('', ...memory.map(formatMemory));
  }
  if (revocation) {
    lines.push('', 'ms from the answer to a revocation', ...revocation.map(formatDelays));
  }
  if (load) {
    const seconds = (load.milliseconds / 1000).toFixed(1);
    lines.push('', `${load.events} usage events recorded in ${seconds} s`);
  }
  if (starts) {
    lines.push(
      '',
      ...Object.entries(starts).map(
        ([which, { median, count }]) =>
          `${which} start: ${(median / 1000).toFixed(2)} s (median of ${count})`,
      ),
    );
  }
  if (longestTask) {
    const { keys, milliseconds: longest, withOne } = longestTask;
    const told = (value: number) => (value === 0 ? 'under 50 ms' : `${value.toFixed(0)} ms`);
    lines.push(
      '',
      `longest task of the list: ${told(longest)} with ${keys} keys, ${told(withOne)} with one`,
    );
  }
  return lines.join('\n');
}

const leftAligned = new Set([0, 1, 4, 7]);

function align(rows: string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return leftAligned.has(column) ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
}

/** With two decimals, or two digits where that would leave nothing. */
export function formatRatio(ratio: number): string {
  return ratio < 0.1 ? ratio.toPrecision(2) : ratio.toFixed(2);
}

function formatMemory({ name, candidate, baseline }: MemoryFigure): string {
  const megabytes = ({ resident, heap }: MemoryUse) =>
    `${(resident / 1e6).toFixed(1)} MB resident, ${(heap / 1e6).toFixed(1)} MB of heap and buffers`;
  const against = baseline ? `; a bare relay: ${megabytes(baseline)}` : '';
  return `${name}: ${megabytes(candidate)}${against}`;
}

function formatDelays({ name, count, after, median, p99, max }: DelayFigure): string {
  const spread = `p50 ${milliseconds(median)}, p99 ${milliseconds(p99)}, max ${milliseconds(max)}`;
  return `${name}: ${spread}; after it ${after} of ${count}`;
}

function milliseconds(value: number): string {
  return value.toFixed(value < 10 ? 3 : 1);
}
