import { cpus } from 'node:os';
import { alignColumns } from '../aligned-table.ts';
import { platformLimits, type ResourceUse } from './edge/measured-function.ts';
import type { Comparison } from './interleave.ts';

/** The title of a comparison and its target ratio. */
export interface Title {
  group: string;
  name: string;
  connections?: number;
  against: string;
  /** Null if the ratio is only for scale. */
  aim: number | null;
}

/** Values without a comparison. */
export interface Figure {
  group: string;
  name: string;
  unit: 'ms' | 'MB';
  values: Record<string, number>;
}

/** What one request used of a function's process, against the platform's limits. */
export interface Use extends ResourceUse {
  group: string;
  name: string;
}

/** Everything that one run measured; the durations of comparisons are in milliseconds. */
export interface Report {
  date: string;
  command: string;
  machine: { cores: number; cpu: string; node: string };
  /** Postgres settings that determine the cost of a commit. */
  database: Record<string, string>;
  comparisons: (Title & Comparison & { verdict: 'ok' | 'over' | null })[];
  figures: Figure[];
  uses: Use[];
}

/** Creates an empty report of a run that starts now. */
export function newReport(command: string, database: Record<string, string>): Report {
  const [cpu] = cpus();
  return {
    date: new Date().toISOString(),
    command,
    machine: { cores: cpus().length, cpu: cpu?.model ?? 'unknown', node: process.version },
    database,
    comparisons: [],
    figures: [],
    uses: [],
  };
}

/** Formats the report for a terminal: tables of comparisons and resource use, and one line per other figure. */
export function formatReport({ date, machine, comparisons, figures, uses }: Report): string {
  const head = ['group', 'what', 'ratio', 'aim', '', 'ms', 'p99', 'against', 'ms', 'p99'];
  const rows = comparisons.map((row) => [
    row.group,
    row.connections === undefined ? row.name : `${row.name}, ${row.connections} conn.`,
    short(row.ratio),
    row.aim?.toFixed(2) ?? '',
    row.verdict ?? '',
    short(row.candidate.median),
    short(row.candidate.p99),
    row.against,
    short(row.baseline.median),
    short(row.baseline.p99),
  ]);
  return [
    `${date}, ${machine.cores} cores, Node ${machine.node}`,
    ...(rows.length > 0 ? ['', alignColumns([head, ...rows], [2, 3, 5, 6, 8, 9])] : []),
    ...(figures.length > 0 ? ['', ...figures.map(formatFigure)] : []),
    ...(uses.length > 0
      ? ['', alignColumns([useHead, ...uses.map(formatUse)], [1, 2, 3, 4, 5, 6, 7])]
      : []),
  ].join('\n');
}

/** Formats one figure as a line. */
export function formatFigure({ group, name, unit, values }: Figure): string {
  const parts = Object.entries(values).map(([what, value]) => `${what} ${short(value)}`);
  return `${group}: ${name}, ${unit}: ${parts.join(', ')}`;
}

const useHead = [
  'worst case',
  'MB sent',
  'CPU ms',
  'isolate',
  'of 2 s',
  'idle MB',
  'peak MB',
  'of 256 MB',
];

/** The cells of one request's resource use; shares are of the platform's limits. */
export function formatUse(use: Use): string[] {
  const { cpuMilliseconds, memoryMegabytes } = platformLimits;
  const percent = (share: number) => `${(share * 100).toFixed(0)} %`;
  return [
    use.name,
    use.megabytes.toFixed(2),
    use.cpuMilliseconds.toFixed(0),
    use.isolateMilliseconds.toFixed(0),
    percent(use.cpuMilliseconds / cpuMilliseconds),
    use.idleMegabytes.toFixed(0),
    use.peakMegabytes.toFixed(0),
    percent(use.peakMegabytes / memoryMegabytes),
  ];
}

/** Formats a number with three significant digits, or all digits before the point. */
export function short(value: number): string {
  return Math.abs(value) < 100 ? value.toPrecision(3) : value.toFixed(0);
}
