import type postgres from 'postgres';
import type { Stack } from '../stack/stack.ts';
import { type Comparison, interleave, type Side } from './interleave.ts';
import { type Figure, formatFigure, type Report, short, type Title } from './report.ts';
import type { Scene } from './scene.ts';

/** How much is measured. */
export interface Size {
  /** Counted rounds of each comparison. Together with the warm-up, fewer than 100, the key limit. */
  rounds: number;
  /** V8 needs some hundreds of requests to compile a function that has just started. */
  warmUpRounds: number;
  /** Requests, and statements, of one side in one round. */
  requests: number;
  statements: number;
  /** Usage events of the user whose reads must stay flat. */
  events: number;
  /** The number of the page far down a list that is compared with the first. */
  pages: number;
  /** First and second starts, and processes whose memory is measured. */
  starts: number;
  /** How long one side opens and closes tunnels in one round. */
  connectMilliseconds: number;
  /** The data transferred through tunnels in one round of one side. */
  transferMegabytes: number;
  /** The open tunnels and cached keys whose memory is measured. */
  tunnels: number;
  cachedKeys: number;
  /** Longer than the gateway needs to write and send events after a tunnel closes. */
  settleMilliseconds: number;
  /** The longest list of keys that a browser shows. */
  shownKeys: number;
  /** The longest list of keys that a route returns. */
  listedKeys: number;
  /** Keys that are rotated or deleted. */
  revocations: number;
  /** The alerts of each of 50 users, and the pause between them. */
  alerts: number;
  alertPauseMs: number;
}

/** The context of a group of measurements. */
export interface Measuring {
  stack: Stack;
  /** A connection as the schema's owner, for preparing data. */
  sql: postgres.Sql;
  scene: Scene;
  size: Size;
  report: Report;
  signal: AbortSignal;
  tell(progress: string): void;
}

/** Compares two sides over a `share` of the usual rounds, and adds the result to the report. */
export async function compare(
  { size, report, signal, tell }: Measuring,
  title: Title,
  sides: { candidate: Side; baseline: Side },
  share = 1,
): Promise<void> {
  const rounds = Math.ceil(size.rounds * share);
  // a share is used for long rounds, which warm up sooner
  const warmUpRounds = Math.min(size.warmUpRounds, share < 1 ? 2 : Infinity);
  const result = await interleave({ ...sides, rounds, warmUpRounds, signal });
  addComparison({ report, tell }, title, result);
}

/** Adds a comparison to the report. */
export function addComparison(
  { report, tell }: Pick<Measuring, 'report' | 'tell'>,
  title: Title,
  result: Comparison,
): void {
  const { group, name, connections, against, aim } = title;
  const verdict = aim === null ? null : result.ratio <= aim ? 'ok' : 'over';
  report.comparisons.push({ ...title, ...result, verdict });
  const over = connections === undefined ? '' : ` × ${connections}`;
  tell(`${group}: ${name}${over}, against ${against}: ${short(result.ratio)}`);
}

/** Adds a figure to the report. */
export function addFigure(
  { report, tell }: Pick<Measuring, 'report' | 'tell'>,
  figure: Figure,
): void {
  report.figures.push(figure);
  tell(formatFigure(figure));
}
