import { commands } from '../../../gateway/commands.ts';
import { StackError } from '../../stack/stack-error.ts';
import { openBucket } from './bucket.ts';
import { openFolder } from './folder.ts';

/** The storage of the archive. */
export interface ArchiveStore {
  /**
   * Creates an empty folder for unfinished files. Only one run at a time may have one: folders left by
   * earlier runs are removed, so a run that continues without its lock fails.
   */
  makeWorkFolder(): Promise<string>;
  /** The location of a file of this name after it is published. */
  locate(name: string): string;
  /**
   * Atomically publishes a finished file, replacing the previous version; it is durable when this
   * resolves. The source file may be gone afterwards.
   */
  publish(file: string, name: string): Promise<void>;
}

/** Opens the archive in a folder or at `s3://bucket/prefix`. Throws `StackError` for anything else. */
export function openStore(target: string, environment: NodeJS.ProcessEnv): ArchiveStore {
  if (target.startsWith('s3:')) return openBucket(target, environment);
  if (target === '' || /^[a-z][a-z0-9+.-]*:\/\//i.test(target)) {
    throw new StackError(
      '--archive requires a folder, or a bucket such as s3://bucket/prefix.',
      `For example \`${commands.maintain} --archive /var/lib/proxy-archive\`.`,
    );
  }
  return openFolder(target);
}
