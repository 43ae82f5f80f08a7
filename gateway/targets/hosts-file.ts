import type { LookupAddress } from 'node:dns';
import { type BigIntStats, readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';

/** The names in a machine's hosts file. */
export interface HostsFile {
  /** All addresses of a lower-case name, in the file's order; undefined for an unknown name. */
  find(name: string): readonly LookupAddress[] | undefined;
}

/** How long the file is assumed to be unchanged, in ms. */
const checkMs = 1_000;

/**
 * Reads a hosts file, and reads it again when it has changed. A file that is missing or cannot be
 * read has no names. The reads are synchronous: the file is small and local, and read rarely.
 */
export function createHostsFile({ path = '/etc/hosts', now = () => performance.now() } = {}) {
  let names = new Map<string, LookupAddress[]>();
  let version: string | undefined;
  let checkedAt = Number.NEGATIVE_INFINITY;

  const check = () => {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    const found = stats && versionOf(stats);
    if (found === version) return;
    names = found === undefined ? new Map() : parseHosts(readFileSync(path, 'utf8'));
    version = found;
  };

  return {
    find(name) {
      if (now() - checkedAt >= checkMs) {
        checkedAt = now();
        try {
          check();
        } catch {
          names = new Map();
          version = undefined;
        }
      }
      return names.get(name);
    },
  } satisfies HostsFile;
}

/**
 * With the change time, as a file can be replaced by one of the same size and modification time.
 */
function versionOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join();
}

function parseHosts(text: string): Map<string, LookupAddress[]> {
  const names = new Map<string, LookupAddress[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...words] = line.replace(/#.*/, '').trim().split(/\s+/);
    const family = isIP(address);
    if (family === 0) continue;
    for (const word of words) {
      const name = word.toLowerCase().replace(/\.$/, '');
      const addresses = names.get(name) ?? [];
      names.set(name, addresses);
      if (!addresses.some((known) => known.address === address))
        addresses.push({ address, family });
    }
  }
  return names;
}
