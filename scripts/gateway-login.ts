import { gatewayLogin } from './gateway-login/gateway-login.ts';

process.exitCode = await gatewayLogin(process.argv.slice(2), process.env.DATABASE_URL, console);
