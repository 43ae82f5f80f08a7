import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ClientConnection } from '../clients/client-connection.ts';
import type { FailureCode } from '../refusal.ts';
import type { Admission, KeyNames } from '../session.ts';
import type { Target } from '../targets/target-policy.ts';
import { newEventId } from '../usage/usage-event.ts';
import type { RequestedTarget } from './requested-target.ts';

/** The outcome of a request: its status, and a code if the gateway could not serve it. */
export interface Outcome {
  statusCode: number;
  code?: FailureCode;
}

/** One request, from its head to its record: each step of `RequestHandler` adds what it finds. */
export class ProxyRequest {
  /** The id of its event, which the answer and the log also have. */
  readonly id: string;
  readonly connection: ClientConnection;
  readonly message: IncomingMessage;
  /** Node's response; null if the answer is written to the socket, for a CONNECT or an upgrade. */
  readonly response: ServerResponse | null;
  /** Monotonic, in ms. */
  readonly begunAt: number;
  /** Aborted when its client leaves, or its target is not connected in time. */
  readonly giveUp = new AbortController();

  /** Read from the request line. */
  asked: RequestedTarget | undefined;
  /** Set once the request has proved to hold a key. */
  key: KeyNames | undefined;
  /** Set once a request for a target is admitted or refused. */
  admission: Admission | undefined;
  /** The connected socket, and where it leads. */
  socket: Socket | undefined;
  target: Target | undefined;
  /** As far as it is known; until it is answered: its client left. */
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

  /** The socket for its client's answer; the client's address is the connection's. */
  get client(): Socket {
    return this.connection.socket;
  }
}
