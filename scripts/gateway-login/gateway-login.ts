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
    creates the login proxy_gateway_<name> and shows its password, only once. The login may hold at
    most n connections (20 by default): twice what its gateway opens, for restarts
${commands.login} drop <name>
    closes the login's connections and drops it
${commands.login} list
    lists each login with its limit and its open connections

A name has lower-case letters, digits and single underscores, at most 40 characters, such as eu_1.
${databaseUrlUsage}
Exits with 0 on success and with 1 on failure.`;

type Command = (database: Database) => Promise<string>;

/** Runs `npm run gateway-login` and returns its exit code. */
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
  if (more.length > 0) {
    throw new StackError(`Unexpected argument ${more.join(' ')}: give one name at a time.`, usage);
  }
  if (connections !== undefined && verb !== 'create') {
    throw new StackError('--connections works only with create.', usage);
  }
  if (verb === 'list' && name === undefined) {
    return async ({ sql }) => formatLogins(await listLogins(sql));
  }
  if (name === undefined || (verb !== 'create' && verb !== 'drop')) {
    throw new StackError('Name a subcommand: create <name>, drop <name> or list.', usage);
  }
  if (verb === 'drop') return (database) => drop(database, name);
  const most = Number(connections ?? defaultConnections * 2);
  if (!/^\d{1,4}$/.test(connections ?? '0') || most < fewestConnections || most > mostConnections) {
    throw new StackError(
      `--connections requires a whole number from ${fewestConnections} to ${mostConnections}: a gateway needs at least ${fewestConnections}.`,
      usage,
    );
  }
  return (database) => create(database, name, most);
}

async function create(database: Database, name: string, connections: number): Promise<string> {
  const password = newPassword();
  const login = await createLogin(database.sql, { name, password, connections });
  // half of its limit, as the old and the new gateway overlap during a restart
  const opens = Math.max(fewestConnections, Math.floor(connections / 2));
  const few = opens < defaultConnections ? `\nGATEWAY_DATABASE_CONNECTIONS=${opens}` : '';
  return `Created ${login}, with at most ${connections} connections.
Its password is shown only once and is not stored. Use it for one gateway only:

GATEWAY_DATABASE_URL="${gatewayUrl(database.url, login, password)}"${few}`;
}

async function drop(database: Database, name: string): Promise<string> {
  const { login, ended } = await dropLogin(database.sql, name);
  return `Dropped ${login}; closed ${ended} of its connections.
If its password was stolen, see docs/gateway-logins.md for what to check.`;
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
