import { chmodSync, cpSync, existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { giveTo, type ProcessUser } from './process-user.ts';

/** Names the folder of a cluster that new stacks copy, for those who start many: tests. */
export const templateVariable = 'STACK_TEMPLATE';

/** Begins a cluster as a copy of the template, where there is one and the cluster is not there yet. */
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
