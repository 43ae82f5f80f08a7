import { Agent, type ClientRequest } from 'node:http';
import type { Socket } from 'node:net';

declare module 'node:http' {
  interface Agent {
    /** What Node gives a request to, and its types leave out. */
    addRequest(request: ClientRequest, options: object): void;
  }
}

/** Gives the one request that it is made for a socket that is connected already. */
export class ConnectedAgent extends Agent {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    super({ keepAlive: false });
    this.#socket = socket;
  }

  override createConnection(): Socket {
    return this.#socket;
  }

  override addRequest(request: ClientRequest, options: object): void {
    // a length beside chunks counts for nothing: passed on, a client would read it as the end
    request.prependOnceListener('response', ({ headers, rawHeaders }) => {
      if (headers['transfer-encoding'] === undefined) return;
      for (let index = rawHeaders.length - 2; index >= 0; index -= 2) {
        if (rawHeaders[index]?.toLowerCase() === 'content-length') rawHeaders.splice(index, 2);
      }
    });
    super.addRequest(request, options);
  }
}
