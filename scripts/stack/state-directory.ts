import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canReach, type ProcessUser } from './process-user.ts';
import { projectRoot } from './project-root.ts';
import { StackError } from './stack-error.ts';

/** Everything a stack leaves on disk: one folder, so that one `rm -rf` forgets it. */
export interface StateDirectory {
  root: string;
  /** Postgres's data, owned by the user that Postgres runs as. */
  postgresData: string;
  /** Where the binaries go when their own folder is closed to that user. */
  postgresBinaries: string;
  logs: string;
  keysFile: string;
  processesFile: string;
  /** Removes the folder and all in it. */
  remove(): void;
}

/**
 * Makes, or opens, the folder of a stack. Kept data live in `.stack` in the checkout, or, when root
 * runs a checkout that Postgres's user cannot enter, in `/var/lib`. Ephemeral data live in the
 * system's temporary folder, or in `folder`.
 */
export function openStateDirectory(options: {
  ephemeral: boolean;
  folder?: string | undefined;
  user: ProcessUser | null;
}): StateDirectory {
  const root =
    options.folder ?? (options.ephemeral ? ephemeralRoot(options.user) : keptRoot(options.user));
  const directory: StateDirectory = {
    root,
    postgresData: join(root, 'postgres'),
    postgresBinaries: join(root, 'postgres-binaries'),
    logs: join(root, 'logs'),
    keysFile: join(root, 'keys.json'),
    processesFile: join(root, 'processes.json'),
    remove: () => rmSync(root, { recursive: true, force: true, maxRetries: 5 }),
  };
  try {
    mkdirSync(root, { recursive: true });
    mkdirSync(directory.logs, { recursive: true, mode: 0o700 });
    if (!existsSync(directory.postgresData)) mkdirSync(directory.postgresData, { mode: 0o700 });
  } catch (cause) {
    throw new StackError(
      `The stack cannot write to ${root}.`,
      'Give yourself write access to it, or remove it if it was made by another user.',
      { cause },
    );
  }
  if (options.user) {
    chmodSync(root, 0o711);
    chownSync(directory.postgresData, options.user.uid, options.user.gid);
  }
  refuseForeignData(directory.postgresData, options.user);
  return directory;
}

function ephemeralRoot(user: ProcessUser | null): string {
  const parent = canReach(user, tmpdir()) ? tmpdir() : '/tmp';
  return mkdtempSync(join(parent, 'proxy-keys-'));
}

function keptRoot(user: ProcessUser | null): string {
  if (!user || canReach(user, projectRoot)) return join(projectRoot, '.stack');
  const checkout = createHash('sha256').update(projectRoot).digest('hex').slice(0, 12);
  return join('/var/lib/supabase-proxy-keys', checkout);
}

function refuseForeignData(postgresData: string, user: ProcessUser | null): void {
  const owner = statSync(postgresData).uid;
  const expected = user?.uid ?? process.getuid?.();
  if (expected === undefined || owner === expected) return;
  throw new StackError(
    `${postgresData} belongs to another user (uid ${owner}).`,
    'Start the stack as the user that made it, or remove that folder to begin anew.',
  );
}
