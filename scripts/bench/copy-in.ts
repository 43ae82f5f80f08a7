import type { Client, Connection, Submittable } from 'pg';

/** What pg's connection does for a COPY, and its types leave out. */
interface CopyConnection {
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/** Runs a `copy … from stdin` with all its lines at once; done when it is committed. */
export function copyIn(client: Client, statement: string, lines: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const copying = (connection: Connection) => connection as unknown as CopyConnection;
    const query: Submittable & Record<string, unknown> = {
      submit: (connection) => copying(connection).query(statement),
      handleCopyInResponse: (connection: Connection) => {
        copying(connection).sendCopyFromChunk(Buffer.from(lines));
        copying(connection).endCopyFrom();
      },
      handleCommandComplete: () => {},
      handleReadyForQuery: () => resolve(),
      handleError: (error: Error) => reject(error),
    };
    client.query(query);
  });
}
