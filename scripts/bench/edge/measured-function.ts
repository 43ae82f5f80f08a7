import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JSONWebKeySet } from 'jose';
import { type Dispatcher, request } from 'undici';
import { functionAnswers, functionProgram } from '../../stack/functions.ts';
import { freePort, loopback } from '../../stack/ports.ts';
import { projectRoot } from '../../stack/project-root.ts';
import { startProgram } from '../../throw-away-program.ts';

/** The platform's limits for one isolate: https://supabase.com/docs/guides/functions/limits */
export const platformLimits = { cpuMilliseconds: 2_000, memoryMegabytes: 256 };

/** The resources of a function's process that one request used. */
export interface ResourceUse {
  status: number;
  /** The size of the response body as sent. */
  megabytes: number;
  /** The CPU time of all threads; the platform counts only the isolate's. */
  cpuMilliseconds: number;
  isolateMilliseconds: number;
  /** Resident memory before the request, and its peak until the end, including Deno itself. */
  idleMegabytes: number;
  peakMegabytes: number;
}

/** A request to measure a function with. */
export interface MeasuredRequest {
  function: 'api' | 'admin';
  method: string;
  path: string;
  token: string;
  /** An entrypoint to run instead, with that function's packages. */
  entrypoint?: string;
  headers?: Record<string, string>;
  /** The raw body, sent with the media type of JSON. */
  body?: string;
}

/** The stack that a measured function belongs to. */
export interface FunctionStack {
  url: string;
  publishableKey: string;
  secretKey: string;
}

/**
 * Starts a function in its own process, like the stack does, and sends it one request. A new process is
 * like a cold start on the platform, with code not yet compiled, and its memory peak belongs to that
 * request. Linux only.
 */
export async function measureRequest(
  stack: FunctionStack,
  measured: MeasuredRequest,
): Promise<ResourceUse> {
  const port = await freePort();
  const jwks = await fetch(`${stack.url}/auth/v1/.well-known/jwks.json`);
  const keys = (await jwks.json()) as JSONWebKeySet;
  const name = measured.function;
  const folder = join(projectRoot, 'supabase', 'functions', name);
  const entrypoint = measured.entrypoint ?? join(folder, 'index.ts');
  const describe = (cacheFolder: string) => {
    const { args, ...program } = functionProgram(entrypoint, port, {
      ...stack,
      jwks: keys,
      cacheFolder,
    });
    return { ...program, args: [...args.slice(0, -1), `--config=${folder}/deno.json`, entrypoint] };
  };
  await using program = await startProgram({
    name: `Function ${name}`,
    command: describe('').command,
    args: (folder) => describe(folder).args,
    env: (folder) => describe(folder).env,
    ready: () => functionAnswers(port),
  });
  forgetPeak(program.processId);
  const before = readProcess(program.processId);
  const { status, bytes } = await send(port, measured);
  const after = readProcess(program.processId);
  return {
    status,
    megabytes: bytes / 1e6,
    cpuMilliseconds: after.cpuMilliseconds - before.cpuMilliseconds,
    isolateMilliseconds: after.isolateMilliseconds - before.isolateMilliseconds,
    idleMegabytes: before.residentMegabytes,
    peakMegabytes: after.peakMegabytes,
  };
}

/** Sends a request like the platform's proxy, and reads the response as fast as it arrives. */
async function send(port: number, { method, path, token, headers, body }: MeasuredRequest) {
  const answer = await request(`http://${loopback}:${port}${path}`, {
    method: method as Dispatcher.HttpMethod,
    headers: {
      Authorization: `Bearer ${token}`,
      'Accept-Encoding': 'gzip, br',
      ...headers,
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    },
    body: body ?? null,
  });
  let bytes = 0;
  for await (const chunk of answer.body as AsyncIterable<Uint8Array>) bytes += chunk.byteLength;
  return { status: answer.statusCode, bytes };
}

/** Resets a process's peak memory to its current memory. */
function forgetPeak(processId: number): void {
  writeFileSync(`/proc/${processId}/clear_refs`, '5');
}

function readProcess(processId: number) {
  const status = readFileSync(`/proc/${processId}/status`, 'utf8');
  const megabytes = (name: string) =>
    (Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024) / 1e6;
  const threads = readdirSync(`/proc/${processId}/task`);
  return {
    cpuMilliseconds: threads.reduce((sum, thread) => sum + cpuOf(processId, thread), 0),
    // Deno runs JavaScript on its first thread
    isolateMilliseconds: cpuOf(processId, String(processId)),
    residentMegabytes: megabytes('VmRSS'),
    peakMegabytes: megabytes('VmHWM'),
  };
}

/** A thread's CPU time in milliseconds; 0 for a thread that has just exited. */
function cpuOf(processId: number, thread: string): number {
  try {
    const [nanoseconds] = readFileSync(`/proc/${processId}/task/${thread}/schedstat`, 'utf8').split(
      ' ',
    );
    return Number(nanoseconds) / 1e6;
  } catch {
    return 0;
  }
}
