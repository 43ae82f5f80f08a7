import { createHash } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
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

/** The prefix of ephemeral stacks' folder names, before random letters. */
export const ephemeralPrefix = 'proxy-keys-';

/** The file in a state directory that records which process runs the stack. */
export const processesFileName = 'processes.json';

/** Everything that a stack stores on disk, in one folder, so that one `rm -rf` removes it. */
export interface StateDirectory {
  root: string;
  /** Postgres's data, owned by the user that Postgres runs as. */
  postgresData: string;
  /** A copy of the binaries, if that user cannot enter their own folder. */
  postgresBinaries: string;
  logs: string;
  /** Usage that the gateway has not yet sent. */
  gatewaySpool: string;
  /** The dashboard build to serve. */
  dashboardBuild: string;
  /** For temporary files of programs. */
  temporary: string;
  keysFile: string;
  /** Which process runs the stack, and its programs. */
  processesFile: string;
  /** Removes the folder and its contents. */
  remove(): void;
}

/**
 * Creates or opens a stack's folder. Kept data are in `.stack` in the checkout, or in `/var/lib` when
 * root runs a checkout that Postgres's user cannot enter. Ephemeral data are in the system's temporary
 * folder, or in `folder`.
 */
export function openStateDirectory(options: {
  ephemeral: boolean;
  folder?: string | undefined;
  user: ProcessUser | null;
}): StateDirectory {
  const { ephemeral, user } = options;
  const root = options.folder ?? (ephemeral ? ephemeralRoot(user) : keptRoot(user));
  const directory: StateDirectory = {
    root,
    postgresData: join(root, 'postgres'),
    postgresBinaries: join(root, 'postgres-binaries'),
    logs: join(root, 'logs'),
    gatewaySpool: join(root, 'gateway-spool'),
    dashboardBuild: join(root, 'dashboard'),
    temporary: join(root, 'temporary'),
    keysFile: join(root, 'keys.json'),
    processesFile: join(root, processesFileName),
    remove: () => rmSync(root, { recursive: true, force: true, maxRetries: 5 }),
  };
  withWriteAccess(root, () => {
    mkdirSync(root, { recursive: true });
    refuseForeign(root);
    for (const folder of [directory.logs, directory.temporary]) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    }
    for (const folder of [root, directory.logs, directory.temporary]) {
      accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    }
    // Postgres, as another user, must be able to traverse it to its data
    if (user) chmodSync(root, 0o711);
  });
  return directory;
}

function ephemeralRoot(user: ProcessUser | null): string {
  const parent = canReach(user, tmpdir()) ? tmpdir() : '/tmp';
  return withWriteAccess(parent, () => mkdtempSync(join(parent, ephemeralPrefix)));
}

function keptRoot(user: ProcessUser | null): string {
  if (!user || canReach(user, projectRoot)) return join(projectRoot, '.stack');
  const parent = '/var/lib/proxy-keys';
  withWriteAccess(parent, () => {
    mkdirSync(parent, { recursive: true });
    chmodSync(parent, 0o711);
  });
  return join(parent, createHash('sha256').update(projectRoot).digest('hex').slice(0, 12));
}

function withWriteAccess<T>(folder: string, write: () => T): T {
  try {
    return write();
  } catch (cause) {
    if (cause instanceof StackError) throw cause;
    throw new StackError(
      `The stack cannot write to ${folder}.`,
      'Give yourself write access to it, or remove it if it is not a folder.',
      { cause },
    );
  }
}

/** Refuses root too: the owner could not read what root writes there. */
function refuseForeign(root: string): void {
  const { uid } = statSync(root);
  if (process.getuid === undefined || uid === process.getuid()) return;
  throw new StackError(
    `${root} belongs to another user (uid ${uid}).`,
    'Start the stack as the user that created it, or remove the folder to start over.',
  );
}
