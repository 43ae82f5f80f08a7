import { renameSync, writeFileSync } from 'node:fs';

/** Writes a private file so that whoever reads it, whenever we are killed, finds all of it or none. */
export function writeFileAtomically(file: string, text: string): void {
  const unfinished = `${file}.unfinished`;
  writeFileSync(unfinished, text, { mode: 0o600 });
  renameSync(unfinished, file);
}
