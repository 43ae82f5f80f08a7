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

/** What the folders of ephemeral stacks are called, before their random letters. */
export const ephemeralPrefix = 'proxy-keys-';

/** The file of a state directory that says who runs the stack. */
export const processesFileName = 'processes.json';

/** Everything a stack leaves on disk: one folder, so that one `rm -rf` forgets it. */
export interface StateDirectory {
  root: string;
  /** Postgres's data, owned by the user that Postgres runs as. */
  postgresData: string;
  /** Where the binaries go when their own folder is closed to that user. */
  postgresBinaries: string;
  logs: string;
  /** Usage that the gateway has not yet sent. */
  gatewaySpool: string;
  /** The build of the dashboard that is served. */
  dashboardBuild: string;
  /** For what a program writes in passing. */
  temporary: string;
  keysFile: string;
  /** Who runs the stack, and which programs. */
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
    // Postgres, as another user, passes through to its data
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

/** Also root must not: what it wrote there, the owner could not read. */
function refuseForeign(root: string): void {
  const { uid } = statSync(root);
  if (process.getuid === undefined || uid === process.getuid()) return;
  throw new StackError(
    `${root} belongs to another user (uid ${uid}).`,
    'Start the stack as the user that made it, or remove that folder to begin again.',
  );
}
