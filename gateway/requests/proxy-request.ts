import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ClientConnection } from '../clients/client-connection.ts';
import type { FailureCode } from '../refusal.ts';
import type { Admission, KeyNames } from '../session.ts';
import type { Target } from '../targets/target-policy.ts';
import { newEventId } from '../usage/usage-event.ts';
import type { RequestedTarget } from './requested-target.ts';

/** What becomes of a request: its status, and its code where the gateway could not serve it. */
export interface Outcome {
  statusCode: number;
  code?: FailureCode;
}

/** One request, from its head to its record: each step of `RequestHandler` adds what it finds. */
export class ProxyRequest {
  /** Its event's id, which the answer and the log name too. */
  readonly id: string;
  readonly connection: ClientConnection;
  readonly message: IncomingMessage;
  /** What answers it; null where the connection itself does: a CONNECT, or an upgrade. */
  readonly response: ServerResponse | null;
  /** Monotonic, in ms. */
  readonly begunAt: number;
  /** Aborted when its client leaves, or its target is not connected in time. */
  readonly giveUp = new AbortController();

  /** Read from the request line. */
  asked: RequestedTarget | undefined;
  /** Once it has proved to be a key's. */
  key: KeyNames | undefined;
  /** The same, where it is for a target. */
  admission: Admission | undefined;
  /** The connected socket, and where it leads. */
  socket: Socket | undefined;
  target: Target | undefined;
  /** As far as it is known: until it is answered, that its client left. */
  outcome: Outcome = { statusCode: 499, code: 'client_closed_request' };

  constructor(
    connection: ClientConnection,
    message: IncomingMessage,
    response: ServerResponse | null,
    now: number,
  ) {
    this.id = newEventId();
    this.connection = connection;
    this.message = message;
    this.response = response;
    this.begunAt = now;
  }

  get method(): string {
    return this.message.method ?? 'CONNECT';
  }

  /** What its client is answered on; who that is, the connection says. */
  get client(): Socket {
    return this.connection.socket;
  }
}
