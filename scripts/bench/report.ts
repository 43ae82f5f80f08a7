import { cpus } from 'node:os';
import { alignColumns } from '../aligned-table.ts';
import type { Comparison } from './interleave.ts';

/** Names a comparison and the ratio it aims at. */
export interface Title {
  group: string;
  name: string;
  connections?: number;
  against: string;
  /** Null where the ratio is for scale alone. */
  aim: number | null;
}

/** Values that are compared with nothing. */
export interface Figure {
  group: string;
  name: string;
  unit: 'ms' | 'MB';
  values: Record<string, number>;
}

/** Everything that one run measured; the durations of comparisons are in milliseconds. */
export interface Report {
  date: string;
  command: string;
  machine: { cores: number; cpu: string; node: string };
  /** Settings of Postgres that decide what a commit costs. */
  database: Record<string, string>;
  comparisons: (Title & Comparison & { verdict: 'ok' | 'over' | null })[];
  figures: Figure[];
}

/** An empty report of a run that begins now. */
export function newReport(command: string, database: Record<string, string>): Report {
  const [cpu] = cpus();
  return {
    date: new Date().toISOString(),
    command,
    machine: { cores: cpus().length, cpu: cpu?.model ?? 'unknown', node: process.version },
    database,
    comparisons: [],
    figures: [],
  };
}

/** The report for a terminal: a table of the comparisons, and a line for each other figure. */
export function formatReport({ date, machine, comparisons, figures }: Report): string {
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
  ].join('\n');
}

/** A line for one figure. */
export function formatFigure({ group, name, unit, values }: Figure): string {
  const parts = Object.entries(values).map(([what, value]) => `${what} ${short(value)}`);
  return `${group}: ${name}, ${unit}: ${parts.join(', ')}`;
}

/** With three digits, or what is before the point. */
export function short(value: number): string {
  return Math.abs(value) < 100 ? value.toPrecision(3) : value.toFixed(0);
}
