#!/usr/bin/env node
import { commands } from '../../../gateway/commands.ts';
import packageJson from '../../../package.json' with { type: 'json' };
import { gatewayLogin } from '../../gateway-login/gateway-login.ts';
import { maintain } from '../../maintain/maintain.ts';

const usage = `${commands.gateway}
    runs a gateway, as its environment says: docs/gateways.md has the variables
${commands.gateway} --resend-rejected
    sends the usage again that the database had refused
${commands.gateway} --resend-kept <time>
    sends the usage again that was recorded since then, after a restore of the database
${commands.login} --help
    logins for gateways: create, drop, list
${commands.maintain} --help
    recounts, archives and drops usage: once a day
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
  console.error(`${first}: no such command.\n${usage}`);
  process.exitCode = 1;
}
