import { createHash, randomUUID } from 'node:crypto';
import { AuthRefusal } from './errors.ts';

/** A PKCE flow: a link brings a code that only the browser that requested it can exchange. */
interface Flow {
  userId: string;
  /** The sign-in method that the session will record. */
  method: string;
  challenge: string;
  challengeMethod: string;
  startedAt: number;
}

/** The active flows. They are kept in memory, as each lasts only minutes. */
export interface Flows {
  start(flow: Omit<Flow, 'startedAt'>): void;
  /** The code for the user's last flow of a method. */
  codeOf(userId: string, method: string): string;
  /** Exchanges a code. After a wrong verifier, the code stays valid for the browser with the right one. */
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
      if (!found) throw new AuthRefusal(422, 'flow_state_not_found', 'No flow was started.');
      // from now on it lasts five minutes
      found[1].startedAt = now() - 60 * minutes;
      return found[0];
    },
    trade(code, verifier) {
      const flow = flows.get(code);
      if (!flow || now() - flow.startedAt > 65 * minutes) {
        throw new AuthRefusal(404, 'flow_state_not_found', 'No such flow exists.');
      }
      const isRight =
        flow.challengeMethod.toLowerCase() === 's256'
          ? createHash('sha256').update(verifier).digest('base64url') === flow.challenge
          : verifier === flow.challenge;
      if (!isRight) {
        throw new AuthRefusal(400, 'bad_code_verifier', 'The verifier does not match the flow.');
      }
      flows.delete(code);
      return flow;
    },
  };
}
