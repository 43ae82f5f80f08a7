import { type ExecFileException, execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import type { RequestListener } from 'node:http';
import { delimiter, join } from 'node:path';

/** Whose certificates a client is to trust. */
export interface Trust {
  /** A file with them all, in PEM. */
  file: string;
  /** SHA-256 of the public key of the proxy's, in base64; undefined where that has no TLS. */
  proxyKey: string | undefined;
}

/** A program that people send through a proxy. */
export interface Client {
  name: string;
  /** Whether this machine can run it. */
  installed: boolean;
  /** Which sites it reads through a proxy to which it speaks TLS. */
  secured: readonly ('plain' | 'TLS')[];
  /** The methods of its plain requests; by default GET alone. */
  methods?: string[];
  /** Makes the site that it reads; by default one that answers with `body`. */
  site?(folder: string): Promise<RequestListener>;
  /**
   * Reads `body` from a site through a proxy and returns it. The proxy's URL holds the credentials.
   * Rejects where an answer is not a success.
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

/** Runs a program, whose settings are in `folder` and not the user's, and returns what it printed. */
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
