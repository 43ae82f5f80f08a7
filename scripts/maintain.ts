import { maintain } from './maintain/maintain.ts';

process.exitCode = await maintain(process.argv.slice(2), process.env.DATABASE_URL, console);
