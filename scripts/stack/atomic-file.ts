import { renameSync, writeFileSync } from 'node:fs';

/** Writes a private file so that a reader finds all of it or none, whenever we are killed. */
export function writeFileAtomically(file: string, text: string): void {
  const unfinished = `${file}.unfinished`;
  writeFileSync(unfinished, text, { mode: 0o600 });
  renameSync(unfinished, file);
}
