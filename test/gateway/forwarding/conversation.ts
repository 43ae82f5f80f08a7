import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Message, parseAnswer, parseRequest } from './message.ts';

/** How a peer ended its side of the connection; `open` if it has not. */
export type Ending = 'open' | 'end' | 'reset';

/** One step of a client or a target: it sends, waits, or closes. */
export type Step = (side: Side, conversation: Conversation) => unknown;

/** Thrown if a step waits for something that cannot come anymore: the side stops. */
class Over extends Error {}

/** A client's or target's connection: all received bytes, and how it ended. */
export class Side {
  readonly socket: Socket;
  /** The received bytes, as Latin-1. */
  got = '';
  /** The sent bytes. */
  said = '';
  ending: Ending = 'open';
  closed = false;

  constructor(socket: Socket, changed: () => void) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.got += chunk.toString('latin1');
      changed();
    });
    socket.once('end', () => {
      this.#end('end');
      changed();
    });
    socket.once('error', () => this.#end('reset'));
    socket.once('close', () => {
      this.closed = true;
      changed();
    });
    socket.on('drain', changed);
  }

  #end(ending: Ending): void {
    if (this.ending === 'open') this.ending = ending;
  }
}

/** A running exchange: the client's connection to a proxy, and the proxy's to the target. */
export class Conversation {
  readonly targets: Side[] = [];
  readonly #changes = new EventEmitter().setMaxListeners(0);
  readonly #fill: (text: string) => string;
  readonly #method: string;
  #parsed: { length: number; answers: Message[] } = { length: -1, answers: [] };
  client: Side | undefined;

  /** `fill` inserts port and credentials into sent text; `method` is the request's. */
  constructor(method: string, fill: (text: string) => string) {
    this.#method = method;
    this.#fill = fill;
  }

  readonly changed = (): void => void this.#changes.emit('change');

  /** Resolves once `test` holds; throws `Over` if `over` holds first. */
  async until(test: () => boolean, over: () => boolean = () => false): Promise<void> {
    while (!test()) {
      if (over()) throw new Over();
      await new Promise((resolve) => this.#changes.once('change', resolve));
    }
  }

  /** The answers whose heads the client has: interim ones, then the final one. */
  get answers(): Message[] {
    const got = this.client?.got ?? '';
    if (this.#parsed.length === got.length) return this.#parsed.answers;
    const answers: Message[] = [];
    for (let text = got; ; text = answers.at(-1)?.rest ?? '') {
      const answer = parseAnswer(text, this.#method);
      if (answer) answers.push(answer);
      if (!answer || answer.status === 101 || answer.status >= 200 || answer.status === 0) break;
    }
    this.#parsed = { length: got.length, answers };
    return answers;
  }

  /** Whether the client has a whole final answer, judged by its framing. */
  get answered(): boolean {
    const last = this.answers.at(-1);
    return !!last && last.complete && (last.status >= 200 || last.status === 101);
  }

  /** Whether the client's remaining steps no longer matter. */
  get settled(): boolean {
    return this.answered && this.answers.at(-1)?.status !== 101;
  }

  /** Runs the steps of a side, until they are done or one has nothing more to wait for. */
  async take(steps: Step[], side: Side): Promise<void> {
    try {
      for (const step of steps) await step(side, this);
    } catch (error) {
      if (!(error instanceof Over)) throw error;
    }
  }

  /** Whether a step of that side should stop waiting. */
  isOver(side: Side): boolean {
    return side.closed || side.ending === 'reset' || (side === this.client && this.settled);
  }

  write(side: Side, text: string): boolean {
    const filled = this.#fill(text);
    side.said += filled;
    return side.socket.write(filled, 'latin1');
  }
}

/** Sends Latin-1 text; `PORT` is replaced by the target's, and `CREDENTIALS` by the key's. */
export const send =
  (text: string): Step =>
  (side, conversation) =>
    conversation.write(side, text);

/** Waits for bytes from the proxy. */
export const receive =
  (text: string): Step =>
  (side, conversation) =>
    conversation.until(
      () => side.got.includes(text),
      () => side.ending !== 'open' || conversation.isOver(side),
    );

/** Waits for the head of a request. */
export const head = receive('\r\n\r\n');

/** Waits for a complete request with its body. */
export const wholeRequest: Step = (side, conversation) =>
  conversation.until(
    () => parseRequest(side.got)?.complete ?? false,
    () => side.ending !== 'open' || conversation.isOver(side),
  );

/** Ends this side's half of the connection. */
export const end: Step = ({ socket }) => socket.end();

/** Resets the connection. */
export const reset: Step = ({ socket }) => socket.resetAndDestroy();

/** Closes the connection as an exiting program does: with a reset if bytes were left unread. */
export const close: Step = ({ socket }) => socket.destroy();

/** Stops reading. */
export const readNothing: Step = ({ socket }) => socket.pause();

/** How long a step waits for bytes that a proxy may legitimately hold back, in ms. */
const patienceMs = 700;

/** A target's wait until the client has those bytes, or until a buffering proxy is given up. */
export const clientHas =
  (text: string): Step =>
  (side, conversation) =>
    Promise.race([
      sleep(patienceMs),
      conversation.until(
        () => conversation.client?.got.includes(text) ?? false,
        () => conversation.isOver(side) || conversation.client?.closed === true,
      ),
    ]);

/** A client's wait until the target has those bytes, or until a buffering proxy is given up. */
export const targetHas =
  (text: string): Step =>
  (side, conversation) =>
    Promise.race([
      sleep(patienceMs),
      conversation.until(
        () => conversation.targets.some(({ got }) => got.includes(text)),
        () => conversation.isOver(side),
      ),
    ]);

/** Sends this many bytes, and reads nothing before all are sent, as many clients do. */
export const upload =
  (bytes: number): Step =>
  async (side, conversation) => {
    const { socket } = side;
    socket.pause();
    const part = 'u'.repeat(65_536);
    for (let left = bytes; left > 0; left -= part.length) {
      if (socket.write(part.slice(0, left))) continue;
      await conversation.until(
        () => socket.writableLength === 0,
        () => conversation.isOver(side),
      );
    }
    socket.resume();
  };
