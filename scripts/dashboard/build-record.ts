import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a build says of itself, in `build.json`, the last of its files to be written. */
export interface BuildRecord {
  /** Of the sources that it was made of. */
  sources: string;
}

/** The name of the file with the record. */
export const buildRecordName = 'build.json';

/** The record of the build in `folder`; null where there is no whole build. */
export async function readBuildRecord(folder: string): Promise<BuildRecord | null> {
  try {
    const record = JSON.parse(await readFile(join(folder, buildRecordName), 'utf8'));
    return typeof record?.sources === 'string' ? record : null;
  } catch {
    return null;
  }
}

/** Marks the build in `folder` as whole. */
export async function writeBuildRecord(folder: string, record: BuildRecord): Promise<void> {
  await writeFile(join(folder, buildRecordName), `${JSON.stringify(record)}\n`);
}
