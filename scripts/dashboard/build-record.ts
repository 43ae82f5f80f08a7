import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A build's record in `build.json`, which is written last. */
export interface BuildRecord {
  /** The hash of its sources. */
  sources: string;
}

/** The name of the file with the record. */
export const buildRecordName = 'build.json';

/** The record of the build in `folder`; null without a complete build. */
export async function readBuildRecord(folder: string): Promise<BuildRecord | null> {
  try {
    const record = JSON.parse(await readFile(join(folder, buildRecordName), 'utf8'));
    return typeof record?.sources === 'string' ? record : null;
  } catch {
    return null;
  }
}

/** Marks the build in `folder` as complete. */
export async function writeBuildRecord(folder: string, record: BuildRecord): Promise<void> {
  await writeFile(join(folder, buildRecordName), `${JSON.stringify(record)}\n`);
}
