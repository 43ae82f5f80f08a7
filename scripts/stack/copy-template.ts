import { chmodSync, cpSync, existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { giveTo, type ProcessUser } from './process-user.ts';

/** Names the folder of a cluster that new stacks copy, for tests, which start many stacks. */
export const templateVariable = 'STACK_TEMPLATE';

/** Creates the cluster as a copy of the template, if there is a template and the cluster does not exist yet. */
export function copyTemplate(dataDirectory: string, user: ProcessUser | null): void {
  const template = process.env[templateVariable];
  if (!template || existsSync(join(dataDirectory, 'PG_VERSION'))) return;
  const unfinished = `${dataDirectory}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  cpSync(template, unfinished, { recursive: true });
  chmodSync(unfinished, 0o700);
  if (user) giveTo(user, unfinished);
  renameSync(unfinished, dataDirectory);
}
