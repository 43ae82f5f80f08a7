/** The message interface that a child process and its parent share. */
export interface MessagePort {
  readonly connected?: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: Node takes any message
  send?(message: any, callback?: (error: Error | null) => void): boolean;
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

// biome-ignore lint/suspicious/noExplicitAny: each name has its own parameters and result
type Functions = { [name: string]: (...args: any[]) => unknown };

/** A call with the id of its answer, or 0 if no answer is awaited. */
type Call = ['call', id: number, name: string, args: unknown[]];
type Answer = ['answer', id: number, value: unknown] | ['failure', id: number, error: WireError];
/** An error as it is sent, with the fields of a system error. */
type WireError = Pick<NodeJS.ErrnoException, 'message' | 'code' | 'syscall' | 'path'> & {
  address?: string;
  port?: number;
};

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

/**
 * Calls functions of the other process, and lets it call ours. All calls and answers of one event
 * loop turn are sent as one message, in order: a write to a pipe costs more than its content.
 * Everything is sent as JSON.
 */
export class Channel<Theirs extends Functions> {
  readonly #port: MessagePort;
  readonly #ours: Functions;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #outgoing: (Call | Answer)[] = [];
  #closed = false;

  constructor(port: MessagePort, ours: Functions) {
    this.#port = port;
    this.#ours = ours;
    port.on('message', (batch) => {
      for (const each of batch as (Call | Answer)[]) this.#take(each);
    });
  }

  /** Rejects with the function's error, and when the channel is closed. */
  call<Name extends keyof Theirs & string>(
    name: Name,
    ...args: Parameters<Theirs[Name]>
  ): Promise<Awaited<ReturnType<Theirs[Name]>>> {
    if (this.#closed) return Promise.reject(new Error('the channel is closed'));
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, { resolve, reject });
    this.#send(['call', id, name, args]);
    return promise as Promise<Awaited<ReturnType<Theirs[Name]>>>;
  }

  /** Calls without waiting for the result or a failure. */
  notify<Name extends keyof Theirs & string>(name: Name, ...args: Parameters<Theirs[Name]>): void {
    this.#send(['call', 0, name, args]);
  }

  /** The other process is gone: pending calls are rejected. */
  close(): void {
    this.#closed = true;
    for (const { reject } of this.#waiting.values()) reject(new Error('the channel is closed'));
    this.#waiting.clear();
  }

  #send(message: Call | Answer): void {
    this.#outgoing.push(message);
    if (this.#outgoing.length === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const batch = this.#outgoing;
    this.#outgoing = [];
    // that a peer is gone is noticed by its exit
    if (this.#port.connected) this.#port.send?.(batch, () => {});
  }

  #take(message: Call | Answer): void {
    const [kind, id] = message;
    if (kind === 'call') {
      void this.#serve(message);
      return;
    }
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (kind === 'answer') waiting?.resolve(message[2]);
    else waiting?.reject(Object.assign(new Error(message[2].message), message[2]));
  }

  async #serve([, id, name, args]: Call): Promise<void> {
    try {
      const value = await this.#ours[name]?.(...args);
      if (id !== 0) this.#send(['answer', id, value]);
    } catch (error) {
      if (id === 0) return;
      const { message, code, syscall, path, address, port } = error as WireError;
      this.#send(['failure', id, { message, code, syscall, path, address, port } as WireError]);
    }
  }
}
