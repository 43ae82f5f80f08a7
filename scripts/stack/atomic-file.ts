import { renameSync, writeFileSync } from 'node:fs';

/** Writes a private file atomically: even if we are killed, a reader finds all of it or none. */
export function writeFileAtomically(file: string, text: string): void {
  const unfinished = `${file}.unfinished`;
  writeFileSync(unfinished, text, { mode: 0o600 });
  renameSync(unfinished, file);
}
