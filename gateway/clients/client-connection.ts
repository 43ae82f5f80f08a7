import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Refusal } from '../refusal.ts';
import { resetSocket } from '../tunnels/reset-socket.ts';
import { countedAddress } from './counted-address.ts';

/** How long a client that was sent its last answer may be silent, and not hang up, in ms. */
const lingerMs = 2_000;
/** How long it may take to make room for more of it, in ms. */
const unsentMs = 10_000;

/** A client's connection: one request at a time is served on it. It says who its client is. */
export class ClientConnection {
  /** Where requests come from: the TCP connection, or the TLS on it once that is there. */
  socket: Socket;
  /** Whether a request on it came with a key's credentials. */
  proven = false;
  /** Whether a request is being served. */
  busy = false;
  /** Requests that came before the one before them was answered: the connection ends after it. */
  ahead = 0;
  /** Its last answer is given. */
  ending = false;
  /** When it was made, monotonic, in ms. */
  readonly openedAt = performance.now();
  /** Whether it ever brought a request. */
  used = false;

  /** Called when its client leaves. */
  onGone: (() => void) | undefined;
  readonly #carrier: Socket;
  #announced: string | undefined;
  #headerBytes = 0;
  #address: string | undefined;
  readonly #longestLingerMs: number;

  /** `longestLingerMs`: how long a client may go on sending the body of what is refused, in ms. */
  constructor(socket: Socket, longestLingerMs = 30_000) {
    this.socket = socket;
    this.#carrier = socket;
    this.#longestLingerMs = longestLingerMs;
  }

  /** Its client's address: that of its peer, unless that is a load balancer which said another. */
  get remoteAddress(): string | undefined {
    return this.#announced ?? this.#carrier.remoteAddress;
  }

  /** Whether its client has said nothing yet. */
  get silent(): boolean {
    return this.socket.bytesRead === (this.socket === this.#carrier ? this.#headerBytes : 0);
  }

  /**
   * Takes the address that a load balancer says, or null where it speaks for itself, in a header of so
   * many bytes; before `address` is asked for.
   */
  announce(address: string | null, headerBytes: number): void {
    if (address !== null) this.#announced = address;
    this.#headerBytes = headerBytes;
  }

  /** What it is counted under until it proves a key; asked for only where it matters. */
  get address(): string {
    this.#address ??= countedAddress(this.remoteAddress ?? '');
    return this.#address;
  }

  /**
   * Reads no more. Node reads on at the end of each message, a tick later, and libuv up to 32 times
   * before it turns to anything else: this comes after those ticks, and before the next read.
   */
  stopReading(): void {
    const pause = () => this.socket.pause();
    process.nextTick(() => process.nextTick(pause));
    setImmediate(pause);
  }

  /** Answers with a refusal, and ends the connection. `message` as for `end`. */
  refuse(refusal: Refusal, requestId: string, message: IncomingMessage | null): void {
    this.answerLast(refusal.answer(requestId, message?.method), message);
  }

  /** Writes a whole answer, and ends the connection. `message` as for `end`. */
  answerLast(answer: string, message: IncomingMessage | null): void {
    this.socket.write(answer);
    this.end(message);
  }

  /**
   * Ends the connection after what was written: nothing that follows is parsed. The rest of the last
   * request's own body is read, as a client may look for the answer only after it; `message` is null
   * where no request is read any more.
   */
  end(message: IncomingMessage | null): void {
    const { socket } = this;
    this.ending = true;
    if (socket.destroyed) return;
    socket.end();
    this.#letGoInTime(message);
    // what is not read when a connection closes makes a reset of its end
    if (message === null) socket.resume();
    else setImmediate(() => this.#drain(message));
  }

  #letGoInTime(message: IncomingMessage | null): void {
    const { socket } = this;
    const begunAt = performance.now();
    let { bytesRead, writableLength: unsent } = socket;
    const look = () => {
      const left = socket.writableLength;
      const sends = message?.complete === false && socket.bytesRead > bytesRead;
      const late = performance.now() - begunAt >= this.#longestLingerMs;
      // a part of an answer has no end
      if (left > 0 && left === unsent) resetSocket(socket);
      // a client that still sends may look for its answer only when it has sent everything
      else if (left < unsent || (sends && !late))
        timer = setTimeout(look, left > 0 ? unsentMs : lingerMs);
      else socket.destroy();
      ({ bytesRead } = socket);
      unsent = left;
    };
    let timer = setTimeout(look, unsent > 0 ? unsentMs : lingerMs);
    socket.once('close', () => clearTimeout(timer));
  }

  /** Reads the rest of a request's body, and nothing that follows it. */
  #drain(message: IncomingMessage): void {
    const { socket } = this;
    if (!message.complete) {
      message.once('end', () => setImmediate(() => this.#drain(message)));
      // away from a target that reads no more
      message.unpipe();
      message.resume();
    } else if (this.ahead > 0) {
      socket.pause();
    } else {
      socket.destroySoon();
    }
  }
}
