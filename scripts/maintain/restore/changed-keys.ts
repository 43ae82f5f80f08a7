import { createReadStream } from 'node:fs';
import { keyChanged } from '../../../gateway/keys/change-listener.ts';
import { isKeyId } from '../../../gateway/keys/credentials.ts';
import { readLines } from './log-lines.ts';

/** A change of a key, from a gateway's log. */
export interface ChangedKey {
  keyId: string;
  /** Time by the database's clock, in ms since 1970. */
  at: number;
}

/** A line that may record a change but cannot be parsed: too long, or not in the gateway's format. */
export const unreadable = Symbol('unreadable');

/** Reads the key changes in gateways' logs, from files, or from standard input for `-`. Skips other lines. */
export async function* readChangedKeys(
  files: string[],
): AsyncGenerator<ChangedKey | typeof unreadable> {
  for (const file of files) {
    const chunks: AsyncIterable<Buffer> = file === '-' ? process.stdin : createReadStream(file);
    for await (const line of readLines(chunks)) {
      if (line === null) yield unreadable;
      else if (line.includes(keyChanged)) yield parseChange(line) ?? unreadable;
    }
  }
}

function parseChange(line: string): ChangedKey | null {
  try {
    const { msg, keyId, occurredAt } = JSON.parse(line) as Record<string, unknown>;
    const at = typeof occurredAt === 'string' ? Date.parse(occurredAt) : Number.NaN;
    const known = msg === keyChanged && typeof keyId === 'string' && isKeyId(keyId);
    return known && !Number.isNaN(at) ? { keyId, at } : null;
  } catch {
    return null;
  }
}
