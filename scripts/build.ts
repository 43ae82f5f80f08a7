import { resolve } from 'node:path';
import { parseArgs, stripVTControlCharacters } from 'node:util';
import { DeploymentRefused } from '../dashboard/read-deployment.ts';
import { buildDashboard, defaultOutputFolder } from './dashboard/build.ts';
import { formatSizes } from './dashboard/build-sizes.ts';
import { StackError } from './stack/stack-error.ts';

const usage = `npm run build     builds the dashboard into dashboard/dist, for any static host

SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY and PROXY_GATEWAY_URL name the project that the dashboard is for, and
PROXY_GATEWAY_TLS_PORT the gateway's TLS port, if it has one. Without them, the build has no config.json, and
the host must serve one. DASHBOARD_OUT_DIR names another folder to build into.`;

try {
  const { values } = parseArgs({ options: { help: { type: 'boolean' } } });
  if (values.help) console.log(usage);
  else await run(resolve(process.env.DASHBOARD_OUT_DIR ?? defaultOutputFolder));
} catch (error) {
  process.exitCode = 1;
  console.error(explain(error));
}

async function run(folder: string): Promise<void> {
  const startedAt = performance.now();
  console.error('building the dashboard …');
  const files = await buildDashboard(folder);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.error(`built in ${seconds} s, in ${folder}\n`);
  console.log(formatSizes(files));
}

function explain(error: unknown): unknown {
  if (error instanceof DeploymentRefused) {
    return `${error.message}\nNothing was built. Correct the environment variables and build again.`;
  }
  if (error instanceof StackError) return `${error.message}\n${error.remedy}`;
  const { code = '', message = '' } = error as { code?: string; message?: string };
  if (code.startsWith('ERR_PARSE_ARGS')) return `${message}\n${usage}`;
  if (code === 'ERR_MODULE_NOT_FOUND') return `${message}\nRun \`npm ci\`, then build again.`;
  // the bundler's message names the file and line; its stack trace names only itself
  const words = process.stderr.isTTY ? message : stripVTControlCharacters(message);
  return `${words || error}\nNothing was built. Fix the error above and build again.`;
}
