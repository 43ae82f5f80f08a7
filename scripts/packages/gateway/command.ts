#!/usr/bin/env node
import { commands } from '../../../gateway/commands.ts';
import packageJson from '../../../package.json' with { type: 'json' };
import { gatewayLogin } from '../../gateway-login/gateway-login.ts';
import { maintain } from '../../maintain/maintain.ts';

const usage = `${commands.gateway}
    runs a gateway, configured by environment variables: see docs/gateways.md
${commands.gateway} --resend-rejected
    resends the usage that the database refused
${commands.gateway} --resend-kept <time>
    after a restore of the database, resends the usage that was recorded since that time
${commands.login} --help
    creates, drops and lists gateways' logins
${commands.maintain} --help
    recounts, archives and drops usage; run it once a day
${commands.gateway} --version`;

const [first = '', ...rest] = process.argv.slice(2);
const { DATABASE_URL } = process.env;
if (first === 'login') process.exitCode = await gatewayLogin(rest, DATABASE_URL, console);
else if (first === 'maintain') process.exitCode = await maintain(rest, DATABASE_URL, console);
else if (first === '--version') console.log(packageJson.version);
else if (first === '--help') console.log(usage);
else if (first === '' || first.startsWith('--resend-')) {
  await import('../../../gateway/main.ts');
} else {
  console.error(`Unknown command: ${first}\n${usage}`);
  process.exitCode = 1;
}
