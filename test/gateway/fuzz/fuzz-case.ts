import type { Step } from './conversation.ts';
import type { Asked } from './strict-answers.ts';

/** Stand in a client's bytes for `host:port` of a target that answers, and of one that never does. */
export const targetPlace = '{target}';
export const deafPlace = '{deaf}';

/** What a sound answer is at its client; a part of one where it is not `whole`. */
export interface Expected {
  /** Whether it may, must or must not look whole to a client that stays. */
  whole: 'yes' | 'no' | 'maybe';
  status: number;
  reason: string;
  /** In their order; those of a connection alone are not compared. */
  headers: [name: string, value: string][];
  body: string;
  trailers: [name: string, value: string][];
  /** How many interim answers come before it. */
  interim: number;
}

/** One conversation through the gateway: data alone, so that it can be printed and had again. */
export interface FuzzCase {
  kind: string;
  asked: Asked[];
  client: Step[];
  /** Each connection to the target does this. */
  target: Step[];
  /** The client resets its connection when it has heard this. */
  leavesAt?: string;
  /** Left out where nobody can say what is right: then it has to be in form, and no more. */
  expected?: Expected;
}
