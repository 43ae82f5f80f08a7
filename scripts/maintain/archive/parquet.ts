import type { DuckDBConnection } from '@duckdb/node-api';
import { isPackaged } from '../../../gateway/commands.ts';
import { StackError } from '../../stack/stack-error.ts';
import type { Totals } from './days.ts';

/** The part of the machine that DuckDB may take; what needs more is spilled to the disk. */
const limits = { memory_limit: '512MB', threads: '2' };

/** What writes and reads Parquet files. */
export interface Parquet {
  /** Writes CSV as Parquet, as it comes, and gives the number of rows. `columns`: types by name. */
  convert(csv: string, file: string, columns: Record<string, string>): Promise<number>;
  /** Writes files as one, sorted. */
  merge(files: string[], file: string, order: string): Promise<void>;
  /** Reads a file of events from beginning to end. */
  readTotals(file: string): Promise<Totals>;
  close(): void;
}

/** Opens DuckDB, with a folder for what does not fit in memory. Throws `StackError` where it is not installed. */
export async function openParquet(folder: string): Promise<Parquet> {
  const { DuckDBInstance } = await loadDuckdb();
  const instance = await DuckDBInstance.create(':memory:', {
    ...limits,
    temp_directory: folder,
    // Parquet is built in; nothing is downloaded
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  return {
    async convert(csv, file, columns) {
      const types = Object.entries(columns).map(([name, type]) => `${name}: ${quote(type)}`);
      const [row = []] = await run(
        connection,
        `copy (
           from read_csv(
             ${quote(csv)}, auto_detect = false, header = false, delim = ',', quote = '"',
             escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {${types}}
           )
         ) to ${quote(file)} (format parquet, compression zstd)`,
      );
      return Number(row[0]);
    },
    async merge(files, file, order) {
      await run(
        connection,
        `copy (from read_parquet([${files.map(quote)}]) order by ${order})
         to ${quote(file)} (format parquet, compression zstd)`,
      );
    },
    async readTotals(file) {
      const [row = []] = await run(
        connection,
        `select
           count(*)::varchar, coalesce(sum(bytes_sent), 0)::varchar,
           coalesce(sum(bytes_received), 0)::varchar
         from read_parquet(${quote(file)})`,
      );
      const [events, bytesSent, bytesReceived] = row.map(String);
      return {
        events: events ?? '',
        bytesSent: bytesSent ?? '',
        bytesReceived: bytesReceived ?? '',
      };
    },
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

async function loadDuckdb() {
  try {
    return await import('@duckdb/node-api');
  } catch (error) {
    throw new StackError(
      'DuckDB, which writes the archive, is not installed here.',
      `Install it with \`npm install ${isPackaged ? '@duckdb/node-api' : '--include=optional'}\`: nothing was dropped or changed.`,
      { cause: error },
    );
  }
}

async function run(connection: DuckDBConnection, statement: string) {
  try {
    return await (await connection.run(statement)).getRows();
  } catch (error) {
    const [problem] = String((error as Error).message).split('\n');
    throw new StackError(
      `DuckDB did not write the archive: ${problem}.`,
      'Correct that, then run it again.',
      { cause: error },
    );
  }
}

const quote = (text: string) => `'${text.replaceAll("'", "''")}'`;
