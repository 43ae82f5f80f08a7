import { createHash, randomUUID } from 'node:crypto';
import { AuthRefusal } from './errors.ts';

/** What somebody asked for, by a link that brings a code which their browser alone can trade (PKCE). */
interface Flow {
  userId: string;
  /** How the session will say that its user signed in. */
  method: string;
  challenge: string;
  challengeMethod: string;
  startedAt: number;
}

/** The flows under way. They live in this process's memory: none lasts longer than some minutes. */
export interface Flows {
  start(flow: Omit<Flow, 'startedAt'>): void;
  /** The code for the user's last flow of a method. */
  codeOf(userId: string, method: string): string;
  /** Trades a code. A wrong verifier leaves it good for the browser with the right one. */
  trade(code: string, verifier: string): { userId: string; method: string };
}

const minutes = 60_000;

/** Starts with no flows. */
export function createFlows(now: () => number): Flows {
  const flows = new Map<string, Flow>();
  return {
    start(flow) {
      for (const [code, { startedAt }] of flows) {
        if (now() - startedAt > 65 * minutes) flows.delete(code);
      }
      flows.set(randomUUID(), { ...flow, startedAt: now() });
    },
    codeOf(userId, method) {
      const found = [...flows].filter(([, f]) => f.userId === userId && f.method === method).at(-1);
      if (!found) throw new AuthRefusal(422, 'flow_state_not_found', 'No flow has begun.');
      // from here on it lasts five minutes
      found[1].startedAt = now() - 60 * minutes;
      return found[0];
    },
    trade(code, verifier) {
      const flow = flows.get(code);
      if (!flow || now() - flow.startedAt > 65 * minutes) {
        throw new AuthRefusal(404, 'flow_state_not_found', 'There is no such flow.');
      }
      const isRight =
        flow.challengeMethod.toLowerCase() === 's256'
          ? createHash('sha256').update(verifier).digest('base64url') === flow.challenge
          : verifier === flow.challenge;
      if (!isRight) {
        throw new AuthRefusal(400, 'bad_code_verifier', 'The verifier is not that of the flow.');
      }
      flows.delete(code);
      return flow;
    },
  };
}
