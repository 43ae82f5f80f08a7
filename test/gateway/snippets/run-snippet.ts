import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientId } from '../../../dashboard/src/connect/snippets.ts';
import { chromiumArguments, chromiumPath } from '../../../scripts/chromium.ts';
import { projectRoot } from '../../../scripts/stack/project-root.ts';
import { isOnPath, run } from '../clients/client.ts';
import { interpreterWith } from '../clients/interpreter.ts';

/** Where a snippet runs, and what it trusts. */
export interface Scene {
  /** The folder of this run, which is also its user's home. */
  folder: string;
  /** The site that the snippet reads. */
  site: string;
  /** A PEM file with the certificates of the site and the proxy. */
  trusted: string;
  /** SHA-256 of their public keys, in base64. */
  trustedKeys: string[];
  env: Record<string, string>;
}

/** How the snippet for a client runs. */
export interface Runner {
  installed: boolean;
  /** Whether it can read a TLS site through a TLS proxy. */
  tlsInTls: boolean;
  /** Runs the snippet; returns its output: the status. */
  run(text: string, scene: Scene): Promise<string>;
}

/** Runs each snippet as a user who copied it would. */
export const runners: Record<ClientId, Runner> = {
  curl: shell('curl', (text) => text),
  environment: shell('curl', (text, site) => `${text}\ncurl ${site}`),
  requests: python('requests'),
  httpx: { ...python('httpx'), tlsInTls: hasTlsInTls() },
  scrapy: python('scrapy', '-m', 'scrapy', 'runspider'),
  undici: node(true, () => {}),
  playwright: node(chromiumPath !== undefined, writePlaywright),
  puppeteer: node(chromiumPath !== undefined, writePuppeteer),
  go: {
    installed: isOnPath('go'),
    tlsInTls: true,
    run(text, { folder, trusted, env }) {
      const file = join(folder, 'main.go');
      writeFileSync(file, text);
      const settings = { CGO_ENABLED: '0', GOFLAGS: '', GOTOOLCHAIN: 'local' };
      return inTurn(() =>
        // the standard library is compiled once, and faster without optimization
        run('go', ['run', '-gcflags=all=-N -l', file], folder, {
          ...process.env,
          ...settings,
          ...env,
          SSL_CERT_FILE: trusted,
        }),
      );
    },
  },
};

/** The environment variables, followed by wget. */
export const wget: Runner = {
  ...shell('wget', (text, site) => `${text}\nwget --server-response -q -O /dev/null ${site} 2>&1`),
  tlsInTls: false,
};

function shell(program: string, linesOf: (text: string, site: string) => string): Runner {
  return {
    installed: isOnPath(program),
    tlsInTls: true,
    async run(text, { folder, site, trusted, env }) {
      const curl = [
        'silent',
        'show-error',
        'output = /dev/null',
        'write-out = "%{http_code}"',
        `cacert = "${trusted}"`,
        `proxy-cacert = "${trusted}"`,
      ];
      writeFileSync(join(folder, '.curlrc'), curl.join('\n'));
      writeFileSync(join(folder, '.wgetrc'), `ca_certificate = ${trusted}\n`);
      return await run('bash', ['-c', linesOf(text, site)], folder, env);
    },
  };
}

function python(module: string, ...before: string[]): Runner {
  const interpreter = interpreterWith(module);
  return {
    installed: interpreter !== undefined,
    tlsInTls: true,
    run(text, { folder, trusted, env }) {
      const file = join(folder, 'snippet.py');
      writeFileSync(file, text);
      const trust = { SSL_CERT_FILE: trusted, REQUESTS_CA_BUNDLE: trusted };
      return run(interpreter ?? 'python3', [...before, file], folder, { ...env, ...trust });
    },
  };
}

/** Debian 12's httpx has no TLS within TLS. */
function hasTlsInTls(): boolean {
  const script = `import httpx; print(*httpx.__version__.split('.'))`;
  const { stdout } = spawnSync(interpreterWith('httpx') ?? 'python3', ['-c', script]);
  const [major, minor] = `${stdout}`.split(' ').map(Number);
  return Number(major) > 0 || Number(minor) >= 25;
}

function node(installed: boolean, prepare: (modules: string, scene: Scene) => void): Runner {
  return {
    installed,
    tlsInTls: true,
    run(text, scene) {
      const { folder, trusted, env } = scene;
      const modules = join(folder, 'node_modules');
      mkdirSync(modules);
      symlinkSync(join(projectRoot, 'node_modules', 'undici'), join(modules, 'undici'));
      prepare(modules, scene);
      const file = join(folder, 'proxy.mjs');
      writeFileSync(file, text);
      return run(process.execPath, [file], folder, { ...env, NODE_EXTRA_CA_CERTS: trusted });
    },
  };
}

/** Debian's Chromium, in place of the one that a package downloads. */
function ownChromium({ trustedKeys }: Scene) {
  return {
    executablePath: chromiumPath,
    args: [
      ...chromiumArguments,
      `--ignore-certificate-errors-spki-list=${trustedKeys.join()}`,
      // by default Chromium bypasses the proxy for loopback addresses
      '--proxy-bypass-list=<-loopback>',
    ],
  };
}

/** A package `playwright` with that Chromium. */
function writePlaywright(modules: string, scene: Scene): void {
  const core = join(projectRoot, 'node_modules/playwright-core/index.mjs');
  const options = JSON.stringify(ownChromium(scene));
  writePackage(
    modules,
    'playwright',
    `import { chromium as own } from '${core}';
    export const chromium = { launch: (asked) => own.launch({ ...${options}, ...asked }) };`,
  );
}

/** A package `puppeteer` with that Chromium. */
function writePuppeteer(modules: string, scene: Scene): void {
  const core = import.meta.resolve('puppeteer-core');
  const { executablePath, args } = ownChromium(scene);
  writePackage(
    modules,
    'puppeteer',
    `import own from '${core}';
    const executablePath = ${JSON.stringify(executablePath)};
    const launch = ({ args }) =>
      own.launch({ executablePath, args: [...${JSON.stringify(args)}, ...args] });
    export default { launch };`,
  );
}

function writePackage(modules: string, name: string, code: string): void {
  const folder = join(modules, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "exports": "./index.js" }');
  writeFileSync(join(folder, 'index.js'), code);
}

/** The last run: two at once would compile the same packages. */
let earlier: Promise<unknown> = Promise.resolve();

function inTurn<T>(begin: () => Promise<T>): Promise<T> {
  const result = earlier.then(begin, begin);
  earlier = result;
  return result;
}
