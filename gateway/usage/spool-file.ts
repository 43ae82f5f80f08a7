import { type FileHandle, open, rm } from 'node:fs/promises';

/** What the spool needs of an open file. */
export type SpoolFile = Pick<FileHandle, 'write' | 'datasync' | 'truncate' | 'close'>;

/** Makes a file that is not there yet, for its owner alone. */
export function createSpoolFile(path: string): Promise<SpoolFile> {
  return open(path, 'wx', 0o600);
}

/** Writes all of `bytes` at a place of the file; a disk that is nearly full takes a part at first. */
export async function writeAll(file: SpoolFile, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** Closes and removes a file that holds nothing. */
export async function discard(path: string, file: SpoolFile): Promise<void> {
  await succeeds(file.close());
  await succeeds(rm(path, { force: true }));
}

/** Whether it did, where nothing is to be done about a failure. */
export function succeeds(work: Promise<void>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}
