import { type FileHandle, open, rm } from 'node:fs/promises';

/** The operations that the spool needs on an open file. */
export type SpoolFile = Pick<FileHandle, 'write' | 'datasync' | 'truncate' | 'close'>;

/** Creates a file that must not exist yet, readable only by its owner. */
export function createSpoolFile(path: string): Promise<SpoolFile> {
  return open(path, 'wx', 0o600);
}

/** Writes all of `bytes` at a position in the file; a nearly full disk may write only a part. */
export async function writeAll(file: SpoolFile, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** Closes and removes an empty file. */
export async function discard(path: string, file: SpoolFile): Promise<void> {
  await succeeds(file.close());
  await succeeds(rm(path, { force: true }));
}

/** Whether `work` succeeds, for work whose failure needs no handling. */
export function succeeds(work: Promise<void>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}
