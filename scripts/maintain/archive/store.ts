import { commands } from '../../../gateway/commands.ts';
import { StackError } from '../../stack/stack-error.ts';
import { openBucket } from './bucket.ts';
import { openFolder } from './folder.ts';

/** Where the archive is kept. */
export interface ArchiveStore {
  /**
   * Makes an empty folder for what is unfinished. Only one run at a time may have one: those that
   * earlier runs have left are removed, and a run that goes on without its lock fails for that.
   */
  makeWorkFolder(): Promise<string>;
  /** Where a file of that name is once it is published. */
  locate(name: string): string;
  /**
   * Puts a finished file where readers find it, whole or not at all, in place of the one before; it is
   * durable when this resolves. The file may be gone then.
   */
  publish(file: string, name: string): Promise<void>;
}

/** Opens the archive of a folder or of `s3://bucket/prefix`. Throws `StackError` for what is neither. */
export function openStore(target: string, environment: NodeJS.ProcessEnv): ArchiveStore {
  if (target.startsWith('s3:')) return openBucket(target, environment);
  if (target === '' || /^[a-z][a-z0-9+.-]*:\/\//i.test(target)) {
    throw new StackError(
      '--archive wants a folder, or a bucket as s3://bucket/prefix.',
      `For example \`${commands.maintain} --archive /var/lib/proxy-archive\`.`,
    );
  }
  return openFolder(target);
}
