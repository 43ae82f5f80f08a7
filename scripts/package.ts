import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { alignColumns } from './aligned-table.ts';
import { runCommand } from './operator-command.ts';
import { type PackageName, pack, packages } from './packages/pack.ts';

const usage = `npm run package -- [<folder>]
    builds the packages for installation without this checkout, as tarballs in the folder (dist by default)`;

process.exitCode = await runCommand(
  async () => {
    const { values, positionals } = parseArgs({
      options: { help: { type: 'boolean' } },
      allowPositionals: true,
    });
    if (values.help) {
      console.log(usage);
      return 0;
    }
    const rows = [['tarball', 'packed', 'unpacked']];
    for (const name of Object.keys(packages) as PackageName[]) {
      console.error(`building ${name} …`);
      const { path, packedBytes, unpackedBytes } = await pack(
        name,
        resolve(positionals[0] ?? 'dist'),
      );
      rows.push([path, megabytes(packedBytes), megabytes(unpackedBytes)]);
    }
    console.log(alignColumns(rows));
    return 0;
  },
  usage,
  console,
);

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
