import { parseArgs } from 'node:util';
import { commands } from '../../gateway/commands.ts';
import {
  defaultConnections,
  fewestConnections,
  mostConnections,
} from '../../gateway/database/connection-room.ts';
import { runCommand } from '../operator-command.ts';
import {
  type Database,
  databaseUrlUsage,
  explainFailure,
  openDatabase,
} from '../operator-database.ts';
import { StackError } from '../stack/stack-error.ts';
import { gatewayUrl } from './gateway-url.ts';
import { createLogin, dropLogin, formatLogins, listLogins, newPassword } from './logins.ts';

const usage = `${commands.login} create <name> [--connections <n>]
    makes the login proxy_gateway_<name>, and shows its password this once; it holds at most n
    connections (20): twice what its gateway opens, for restarts
${commands.login} drop <name>
    ends the login's connections, and drops it
${commands.login} list
    shows each login, its limit, and its connections open now

A name is lower-case letters, digits and single underscores, at most 40 characters, as eu_1.
${databaseUrlUsage}
Ends with 0 when it is done, and with 1 when it is not.`;

type Command = (database: Database) => Promise<string>;

/** `npm run gateway-login`: returns its exit code. */
export function gatewayLogin(
  args: string[],
  url: string | undefined,
  console: Pick<Console, 'log' | 'error'>,
): Promise<number> {
  const command = async () => {
    const { values, positionals } = parseArgs({
      args,
      options: { connections: { type: 'string' }, help: { type: 'boolean' } },
      allowPositionals: true,
    });
    console.log(values.help ? usage : await run(readCommand(positionals, values.connections), url));
    return 0;
  };
  return runCommand(command, usage, console);
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
  const most = Number(connections ?? defaultConnections * 2);
  if (!/^\d{1,4}$/.test(connections ?? '0') || most < fewestConnections || most > mostConnections) {
    throw new StackError(
      `--connections wants a whole number, from ${fewestConnections} to ${mostConnections}: a gateway needs ${fewestConnections}.`,
      usage,
    );
  }
  return (database) => create(database, name, most);
}

async function create(database: Database, name: string, connections: number): Promise<string> {
  const password = newPassword();
  const login = await createLogin(database.sql, { name, password, connections });
  // half of what it may hold, as a restart has both sets for a moment
  const opens = Math.max(fewestConnections, Math.floor(connections / 2));
  const few = opens < defaultConnections ? `\nGATEWAY_DATABASE_CONNECTIONS=${opens}` : '';
  return `Made ${login}, with at most ${connections} connections.
Its password is shown this once, and is kept nowhere. Give it to this gateway alone:

GATEWAY_DATABASE_URL="${gatewayUrl(database.url, login, password)}"${few}`;
}

async function drop(database: Database, name: string): Promise<string> {
  const { login, ended } = await dropLogin(database.sql, name);
  return `Dropped ${login}; ${ended} of its connections ended.
If it was stolen: docs/gateway-logins.md says what to look at.`;
}

async function run(command: Command, url: string | undefined): Promise<string> {
  const database = openDatabase(url);
  try {
    return await command(database);
  } catch (error) {
    throw explainFailure(error, database.address);
  } finally {
    await database.sql.end({ timeout: 0 });
  }
}
