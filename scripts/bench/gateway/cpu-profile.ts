import { readFileSync } from 'node:fs';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectRoot } from '../../stack/project-root.ts';

interface ProfileNode {
  id: number;
  callFrame: { functionName: string; url: string; lineNumber: number };
  children?: number[];
}

interface Profile {
  nodes: ProfileNode[];
  /** In µs of the machine's monotonic clock. */
  startTime: number;
  samples: number[];
  timeDeltas: number[];
}

/** Microseconds of a thread, by who spent them, the largest first. */
export interface TimeSpent {
  /** By function, without what it calls. */
  functions: [string, number][];
  /** By our file that asked for it, with what Node does for it; else by Node's own. */
  files: [string, number][];
}

/** Reads a profile that `--cpu-prof` wrote, between two times of `process.hrtime`, without idle time. */
export function readProfile(file: string, from: bigint, to: bigint): TimeSpent {
  const profile = JSON.parse(readFileSync(file, 'utf8')) as Profile;
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(
    profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)),
  );
  const functions = new Map<string, number>();
  const files = new Map<string, number>();
  const add = (sums: Map<string, number>, name: string, time: number) =>
    sums.set(name, (sums.get(name) ?? 0) + time);
  const path = function* (id: number | undefined) {
    for (let at = id; at !== undefined; at = parents.get(at)) yield nodes.get(at) as ProfileNode;
  };
  let now = profile.startTime;
  for (const [index, id] of profile.samples.entries()) {
    const spent = profile.timeDeltas[index] ?? 0;
    now += spent;
    const { callFrame } = nodes.get(id) as ProfileNode;
    if (now < Number(from) / 1e3 || now > Number(to) / 1e3) continue;
    if (callFrame.functionName === '(idle)') continue;
    const place = shortened(callFrame.url);
    add(
      functions,
      `${callFrame.functionName || '(anonymous)'} ${place}:${callFrame.lineNumber + 1}`,
      spent,
    );
    const urls = [...path(id)].map((node) => node.callFrame.url);
    const asking =
      urls.find((url) => url.startsWith('file:') && !url.includes('/node_modules/')) ??
      urls.find((url) => url !== '');
    add(files, asking === undefined ? callFrame.functionName : shortened(asking), spent);
  }
  const sorted = (sums: Map<string, number>) => [...sums].sort(([, a], [, b]) => b - a);
  return { functions: sorted(functions), files: sorted(files) };
}

function shortened(url: string): string {
  return url.startsWith('file:') ? fileURLToPath(url).replace(projectRoot + sep, '') : url;
}
