import type { DuckDBConnection } from '@duckdb/node-api';
import { isPackaged } from '../../../gateway/commands.ts';
import { StackError } from '../../stack/stack-error.ts';
import type { Totals } from './days.ts';

/** DuckDB's share of the machine; data beyond the memory limit spill to disk. */
const limits = { memory_limit: '512MB', threads: '2' };

/** Writes and reads Parquet files. */
export interface Parquet {
  /** Converts CSV to Parquet in the same order, and returns the number of rows. `columns`: types by name. */
  convert(csv: string, file: string, columns: Record<string, string>): Promise<number>;
  /** Merges files into one, sorted. */
  merge(files: string[], file: string, order: string): Promise<void>;
  /** Reads a whole file of events. */
  readTotals(file: string): Promise<Totals>;
  close(): void;
}

/** Opens DuckDB with a folder for data that do not fit in memory. Throws `StackError` if it is not installed. */
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
      'DuckDB, which writes the archive, is not installed.',
      `Install it with \`npm install ${isPackaged ? '@duckdb/node-api' : '--include=optional'}\`. Nothing was dropped or changed.`,
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
      'Fix the error above, then run the command again.',
      { cause: error },
    );
  }
}

const quote = (text: string) => `'${text.replaceAll("'", "''")}'`;
