import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Refusal } from '../refusal.ts';
import { resetSocket } from '../tunnels/reset-socket.ts';
import { countedAddress } from './counted-address.ts';

/** How long a client may stay silent, without hanging up, after its last answer, in ms. */
const lingerMs = 2_000;
/** How long it may read nothing of that answer, in ms. */
const unsentMs = 10_000;

/** A client's connection, which serves one request at a time. It knows its client's address. */
export class ClientConnection {
  /** Where requests come from: the TCP connection, or the TLS socket on it once there is one. */
  socket: Socket;
  /** Whether a request on it has proved to hold a key. */
  proven = false;
  /** Whether a request is being served. */
  busy = false;
  /** Requests that arrived before the current one was answered: the connection ends after it. */
  ahead = 0;
  /** Whether its last answer has been written. */
  ending = false;
  /** When it was opened, monotonic, in ms. */
  readonly openedAt = performance.now();
  /** Whether a request has arrived on it. */
  used = false;

  /** Called when its client leaves. */
  onGone: (() => void) | undefined;
  readonly #carrier: Socket;
  #announced: string | undefined;
  #headerBytes = 0;
  #address: string | undefined;
  readonly #longestLingerMs: number;

  /** `longestLingerMs`: how long a client may keep sending the body of a refused request, in ms. */
  constructor(socket: Socket, longestLingerMs = 30_000) {
    this.socket = socket;
    this.#carrier = socket;
    this.#longestLingerMs = longestLingerMs;
  }

  /** Its client's address: its peer's, unless a load balancer has announced another. */
  get remoteAddress(): string | undefined {
    return this.#announced ?? this.#carrier.remoteAddress;
  }

  /** Whether its client has sent nothing yet. */
  get silent(): boolean {
    return this.socket.bytesRead === (this.socket === this.#carrier ? this.#headerBytes : 0);
  }

  /**
   * Sets the address from a load balancer's header of `headerBytes` bytes; null if the load
   * balancer is itself the client. Call it before `address` is read.
   */
  announce(address: string | null, headerBytes: number): void {
    if (address !== null) this.#announced = address;
    this.#headerBytes = headerBytes;
  }

  /** The address that it counts for until it proves a key; read only when it matters. */
  get address(): string {
    this.#address ??= countedAddress(this.remoteAddress ?? '');
    return this.#address;
  }

  /**
   * Stops reading. Node resumes reading a tick after each message ends, and libuv reads up to 32
   * times in a row: this pauses after those ticks, and before the next read.
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
   * Ends the connection after what was written: nothing that follows is parsed. The rest of the
   * last request's body is still read, as a client may read the answer only after sending it;
   * `message` is null if no request is being read.
   */
  end(message: IncomingMessage | null): void {
    const { socket } = this;
    this.ending = true;
    if (socket.destroyed) return;
    socket.end();
    this.#letGoInTime(message);
    // a connection that closes with unread data is reset
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
      // a partial answer must not look complete
      if (left > 0 && left === unsent) resetSocket(socket);
      // a client that still sends may read its answer only once it has sent everything
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
      // the target may have stopped reading
      message.unpipe();
      message.resume();
    } else if (this.ahead > 0) {
      socket.pause();
    } else {
      socket.destroySoon();
    }
  }
}
