import type { Step } from './conversation.ts';
import type { Asked } from './strict-answers.ts';

/** Placeholders for `host:port` of a target that answers, and of one that never does. */
export const targetPlace = '{target}';
export const deafPlace = '{deaf}';

/** The right answer at the client; part of it if it is not `whole`. */
export interface Expected {
  /** Whether it may, must or must not look whole to a client that stays. */
  whole: 'yes' | 'no' | 'maybe';
  status: number;
  reason: string;
  /** In order; hop-by-hop headers are not compared. */
  headers: [name: string, value: string][];
  body: string;
  trailers: [name: string, value: string][];
  /** The number of interim answers before it. */
  interim: number;
}

/** One conversation through the gateway, as plain data that can be printed and repeated. */
export interface FuzzCase {
  kind: string;
  asked: Asked[];
  client: Step[];
  /** The target's steps on each connection. */
  target: Step[];
  /** The client resets its connection when this text has arrived. */
  leavesAt?: string;
  /** Missing if the right answer is unknown: then the answer only has to be well-formed. */
  expected?: Expected;
}
