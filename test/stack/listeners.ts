import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { expect } from 'vitest';

/** As in /proc/net: the address in hexadecimal, each group of four bytes in the machine's order. */
const loopback = ['0100007F', '00000000000000000000000001000000'];
const listening = '0A';

/** Fails if a process of a stack listens on more than the loopback address. */
export function expectToListenOnLoopback(pids: number[]): void {
  const sockets = socketsOf(pids);
  const listeners = sockets.filter(
    ({ table, state }) => table.startsWith('tcp') && state === listening,
  );
  // the API gateway, Postgres, PostgREST and its admin server, two functions, the CONNECT gateway
  // and its metrics
  expect(listeners.length).toBeGreaterThanOrEqual(8);
  const open = [...listeners, ...sockets.filter(({ table }) => table.startsWith('udp'))];
  expect(open.filter(({ address }) => !loopback.includes(address))).toEqual([]);
}

interface Socket {
  table: string;
  address: string;
  port: number;
  state: string;
}

/** The network sockets that these processes hold. */
function socketsOf(pids: number[]): Socket[] {
  const held = new Set(pids.flatMap(inodes));
  return ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((table) =>
    readFileSync(`/proc/self/net/${table}`, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => held.has(fields[9] ?? ''))
      .map(([, local = '', , state = '']) => {
        const [address = '', port = ''] = local.split(':');
        return { table, address, port: Number.parseInt(port, 16), state };
      }),
  );
}

function inodes(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return descriptorsOf(pid).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`${folder}/${fd}`))?.[1] ?? [];
    } catch {
      // closed meanwhile
      return [];
    }
  });
}

/** Empty for a process that has ended, as a Postgres backend may at any time. */
function descriptorsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`);
  } catch (error) {
    if (!isRunning(pid)) return [];
    throw error;
  }
}

/** False if it is gone or a zombie, whose descriptors only root may read. */
function isRunning(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
