import { type ExecFileException, execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import type { RequestListener } from 'node:http';
import { delimiter, join } from 'node:path';

/** The certificates that a client must trust. */
export interface Trust {
  /** A PEM file with all of them. */
  file: string;
  /** SHA-256 of the proxy's public key, in base64; undefined for a proxy without TLS. */
  proxyKey: string | undefined;
}

/** A program that customers use with a proxy. */
export interface Client {
  name: string;
  /** Whether this machine can run it. */
  installed: boolean;
  /** The kinds of sites that it can read through a proxy over TLS. */
  secured: readonly ('plain' | 'TLS')[];
  /** The methods of its plain requests; by default only GET. */
  methods?: string[];
  /** Creates the site that it reads; by default one that answers with `body`. */
  site?(folder: string): Promise<RequestListener>;
  /**
   * Reads `body` from a site through a proxy and returns it. The proxy's URL holds the credentials.
   * Rejects if an answer is not a success.
   */
  read(proxy: string, site: string, folder: string, trust: Trust): Promise<string>;
}

/** Whether a program is on the PATH. */
export function isOnPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Runs a program with its settings in `folder`, not in the user's home; returns its output. */
export function run(
  program: string,
  args: string[],
  folder: string,
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  const { PATH = '' } = process.env;
  return new Promise((resolve, reject) => {
    const options = { cwd: folder, env: { PATH, HOME: folder, ...env }, maxBuffer: 1e7 };
    execFile(program, args, options, (error: ExecFileException | null, stdout: string) => {
      if (error) reject(error);
      else resolve(stdout);
    });
  });
}
