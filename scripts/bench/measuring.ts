import type postgres from 'postgres';
import type { Stack } from '../stack/stack.ts';
import { type Comparison, interleave, type Side } from './interleave.ts';
import { type Figure, formatFigure, type Report, short, type Title } from './report.ts';
import type { Scene } from './scene.ts';

/** How much is measured. */
export interface Size {
  /** Counted rounds of each comparison. With those of warming up fewer than 100, the limit of keys. */
  rounds: number;
  /** V8 takes some hundreds of requests to compile a function that has just started. */
  warmUpRounds: number;
  /** Requests, and statements, of one side in one round. */
  requests: number;
  statements: number;
  /** Usage events of the user whose reads must stay flat. */
  events: number;
  /** The page far down a list that is compared with its first. */
  pages: number;
  /** First and second starts, and processes whose memory is measured. */
  starts: number;
  /** How long one side opens and closes tunnels in one round. */
  connectMilliseconds: number;
  /** What moves through tunnels in one round of one side. */
  transferMegabytes: number;
  /** Open tunnels, and cached keys, whose memory is measured. */
  tunnels: number;
  cachedKeys: number;
  /** Longer than the gateway's own work after a tunnel takes: events are written and sent. */
  settleMilliseconds: number;
  /** The longest list of keys that a browser shows. */
  shownKeys: number;
  /** The longest list of keys that a route answers with. */
  listedKeys: number;
  /** Keys that are rotated or deleted. */
  revocations: number;
  /** Alerts of each of 50 users, and the pause between them. */
  alerts: number;
  alertPauseMs: number;
}

/** What a group of measurements works with. */
export interface Measuring {
  stack: Stack;
  /** The schema's owner, for setting scenes. */
  sql: postgres.Sql;
  scene: Scene;
  size: Size;
  report: Report;
  signal: AbortSignal;
  tell(progress: string): void;
}

/** Compares two sides, over a `share` of the usual rounds, and puts the result in the report. */
export async function compare(
  { size, report, signal, tell }: Measuring,
  title: Title,
  sides: { candidate: Side; baseline: Side },
  share = 1,
): Promise<void> {
  const rounds = Math.ceil(size.rounds * share);
  // a share is for long rounds, which warm up sooner
  const warmUpRounds = Math.min(size.warmUpRounds, share < 1 ? 2 : Infinity);
  const result = await interleave({ ...sides, rounds, warmUpRounds, signal });
  addComparison({ report, tell }, title, result);
}

/** Puts a comparison in the report. */
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

/** Puts a figure in the report. */
export function addFigure(
  { report, tell }: Pick<Measuring, 'report' | 'tell'>,
  figure: Figure,
): void {
  report.figures.push(figure);
  tell(formatFigure(figure));
}
