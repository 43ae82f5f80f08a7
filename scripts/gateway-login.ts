import { parseArgs } from 'node:util';
import { gatewayUrl } from './gateway-login/gateway-url.ts';
import {
  createLogin,
  dropLogin,
  formatLogins,
  listLogins,
  newPassword,
} from './gateway-login/logins.ts';
import { type Database, explainFailure, openDatabase } from './operator-database.ts';
import { StackError } from './stack/stack-error.ts';

const usage = `npm run gateway-login -- create <name> [--connections <n>]
                                           makes the login proxy_gateway_<name>, and shows its
                                           password this once; it holds at most n connections (20)
npm run gateway-login -- drop <name>       ends the login's connections, and drops it
npm run gateway-login -- list              each login, its limit, and its connections open now

A name is lower-case letters, digits and single underscores, at most 40 characters, as eu_1.
DATABASE_URL names the database, as role postgres; without it, it is the local stack's.
Ends with 0 when it is done, and with 1 when it is not.`;

type Command = (database: Database) => Promise<string>;

try {
  const { values, positionals } = parseArgs({
    options: { connections: { type: 'string' }, help: { type: 'boolean' } },
    allowPositionals: true,
  });
  if (values.help) console.log(usage);
  else await run(readCommand(positionals, values.connections), process.env.DATABASE_URL);
} catch (error) {
  process.exitCode = 1;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (error instanceof StackError) console.error(`${error.message}\n${error.remedy}`);
  else if (code.startsWith('ERR_PARSE_ARGS'))
    console.error(`${(error as Error).message}\n${usage}`);
  else console.error(error);
}

function readCommand(positionals: string[], connections: string | undefined): Command {
  const [verb, name, ...more] = positionals;
  if (more.length > 0) throw new StackError(`${more.join(' ')}: one name at a time.`, usage);
  if (connections !== undefined && verb !== 'create') {
    throw new StackError('--connections is for create.', usage);
  }
  if (verb === 'list' && name === undefined) {
    return async ({ sql }) => formatLogins(await listLogins(sql));
  }
  if (name === undefined || (verb !== 'create' && verb !== 'drop')) {
    throw new StackError('Say what to do: create, drop or list.', usage);
  }
  if (verb === 'drop') return (database) => drop(database, name);
  if (connections !== undefined && !/^\d{1,4}$/.test(connections)) {
    throw new StackError('--connections wants a whole number, from 1 to 1000.', usage);
  }
  return (database) => create(database, name, Number(connections ?? 20));
}

async function create(database: Database, name: string, connections: number): Promise<string> {
  const password = newPassword();
  const login = await createLogin(database.sql, { name, password, connections });
  return `Made ${login}, with at most ${connections} connections.
Its password is shown this once, and is kept nowhere. Give it to this gateway alone:

GATEWAY_DATABASE_URL="${gatewayUrl(database.url, login, password)}"`;
}

async function drop(database: Database, name: string): Promise<string> {
  const { login, ended } = await dropLogin(database.sql, name);
  return `Dropped ${login}; ${ended} of its connections ended.
If it was stolen: docs/gateway-logins.md says what to look at.`;
}

async function run(command: Command, url: string | undefined): Promise<void> {
  const database = openDatabase(url);
  try {
    console.log(await command(database));
  } catch (error) {
    throw explainFailure(error, database.address);
  } finally {
    await database.sql.end({ timeout: 0 });
  }
}
