import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { converse, type Seen, type Step } from './conversation.ts';
import { deafPlace, type FuzzCase, targetPlace } from './fuzz-case.ts';
import { shortMs } from './fuzzed-gateway.ts';
import { strictAnswers } from './strict-answers.ts';
import { findingIn } from './verdict.ts';

/** Longer than any conversation takes, even on a busy machine, in ms. */
const deadlineMs = 60_000;

/** A fault, and the case that showed it. */
export interface Finding {
  what: string;
  case: FuzzCase;
  seen?: { client: Seen; targets: Seen[] };
}

/** Runs conversations through one gateway, one after another, each with its own target. */
export interface FuzzBed {
  /** Null if all is well. */
  run(fuzzCase: FuzzCase): Promise<Finding | null>;
  close(): Promise<void>;
}

/** `deaf`: the port of a target that never accepts a connection. */
export async function openFuzzBed(gatewayPort: number, deaf: number): Promise<FuzzBed> {
  let steps: Step[] = [];
  const talks = new Map<Socket, Promise<Seen>>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    talks.set(socket, converse(socket, steps, { endsWithOther: false }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const placed = (text: string) =>
    text.replaceAll(targetPlace, `127.0.0.1:${port}`).replaceAll(deafPlace, `127.0.0.1:${deaf}`);

  return {
    async run(fuzzCase) {
      const { client, target, asked, leavesAt } = fuzzCase;
      steps = target;
      talks.clear();
      const startedAt = performance.now();
      const socket = connect({
        port: gatewayPort,
        host: '127.0.0.1',
        allowHalfOpen: true,
        noDelay: true,
      });
      const talk = converse(
        socket,
        client.map((step) => withPlaces(step, placed)),
        {
          endsWithOther: true,
          leavesAt,
          answersIn: (text) => wholeAnswersIn(text, asked),
        },
      );
      const late = new AbortController();
      const timeout = sleep(deadlineMs, null, late).catch(() => null);
      const seen = await Promise.race([
        talk.then(async (said) => ({ client: said, targets: await Promise.all(talks.values()) })),
        timeout,
      ]);
      late.abort();
      if (seen === null) {
        const side = socket.destroyed ? 'target' : 'client';
        socket.destroy();
        for (const each of talks.keys()) each.destroy();
        return {
          what: `the connection of the ${side} was open after ${deadlineMs} ms`,
          case: fuzzCase,
        };
      }
      // on a busy machine, any connection may be closed for silence
      const inTime = performance.now() - startedAt < shortMs;
      const what = findingIn(fuzzCase, seen.client, seen.targets, inTime);
      return what === null ? null : { what, case: fuzzCase, seen };
    },
    async close() {
      for (const each of talks.keys()) each.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function withPlaces(step: Step, placed: (text: string) => string): Step {
  if (step[0] === 'send') return ['send', placed(step[1])];
  return step;
}

/** Malformed answers count as complete here; the verdict reports them later. */
function wholeAnswersIn(text: string, asked: FuzzCase['asked']): number {
  try {
    return strictAnswers(text, asked).final.filter(({ whole }) => whole).length;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
