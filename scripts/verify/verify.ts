import { isIP } from 'node:net';
import { parseArgs } from 'node:util';
import { runCommand } from '../operator-command.ts';
import { StackError } from '../stack/stack-error.ts';
import { checks } from './checks.ts';
import { type Project, Unchecked, Unexpected } from './project.ts';

const usage = `npm run verify -- --url <url> --publishable-key <key> --token <token>

Checks a deployed project from outside, as a test user: ten checks, one line each.

  --url <url>               the project's URL, such as https://<ref>.supabase.co
  --publishable-key <key>   the project's publishable key, such as sb_publishable_…
  --token <token>           an access token of a test user, valid for ten more minutes. To keep it out of
                            the list of processes, set PROXY_KEYS_TOKEN instead

GATEWAY_DATABASE_URL      a gateway's login (npm run gateway-login -- create …); without it, the last check
                          is skipped

It mints and deletes one test key; the deleted key stays in the user's list.
Exits with 0 if no check fails, and with 1 otherwise.`;

/** Runs `npm run verify` and returns its exit code. */
export function verify(
  args: string[],
  env: NodeJS.ProcessEnv,
  console: Pick<Console, 'log' | 'error'>,
): Promise<number> {
  const command = async () => {
    const { values } = parseArgs({
      args,
      options: {
        url: { type: 'string' },
        'publishable-key': { type: 'string' },
        token: { type: 'string' },
        help: { type: 'boolean' },
      },
    });
    if (!values.help) return run(readProject(values, env), console);
    console.log(usage);
    return 0;
  };
  return runCommand(command, usage, console);
}

interface Values {
  url?: string;
  'publishable-key'?: string;
  token?: string;
}

function readProject(values: Values, env: NodeJS.ProcessEnv): Project {
  const { url: given, 'publishable-key': publishableKey } = values;
  const token = values.token ?? env.PROXY_KEYS_TOKEN;
  if (!given || !publishableKey || !token) {
    throw new StackError('--url, --publishable-key and --token are all required.', usage);
  }
  const url = URL.canParse(given) ? new URL(given) : undefined;
  const local = url !== undefined && isLoopback(url.hostname);
  if (!url || (url.protocol !== 'https:' && !(local && url.protocol === 'http:'))) {
    throw new StackError(
      "--url is not a project's https:// URL.",
      'Over http://, the token would be sent in clear text: http:// is allowed only for this machine.',
    );
  }
  return {
    url: url.origin,
    publishableKey,
    token: token.trim(),
    local,
    gatewayUrl: env.GATEWAY_DATABASE_URL,
  };
}

function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

const width = Math.max(...checks.map(({ name }) => name.length)) + 2;

async function run(project: Project, { log }: Pick<Console, 'log'>): Promise<number> {
  let failed = 0;
  const line = (mark: string, name: string, text: string) =>
    log(`${mark}  ${name.padEnd(width)}${text}`);
  for (const { name, check } of checks) {
    try {
      line('ok    ', name, await check(project));
    } catch (error) {
      if (error instanceof Unchecked) {
        line('-     ', name, error.message);
        continue;
      }
      failed += 1;
      // an unexpected error's message may contain a secret, so only its name is shown
      const text = error instanceof Unexpected ? error.message : `failed: ${(error as Error).name}`;
      line('WRONG ', name, text);
    }
  }
  log(failed === 0 ? '\nNo check failed.' : `\n${failed} of ${checks.length} checks failed.`);
  return failed === 0 ? 0 : 1;
}
