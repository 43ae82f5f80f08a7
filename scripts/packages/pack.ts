import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildCreatePackage } from './create/build.ts';
import { buildGatewayPackage } from './gateway/build.ts';

/** The packages that `npm run package` builds, by name. */
export const packages = {
  'proxy-keys-gateway': buildGatewayPackage,
  'create-proxy-keys': buildCreatePackage,
};
export type PackageName = keyof typeof packages;

/** A packed package. Sizes in bytes. */
export interface Tarball {
  path: string;
  packedBytes: number;
  unpackedBytes: number;
}

/** Builds a package and packs it into `folder`, which is created if missing. */
export async function pack(name: PackageName, folder: string): Promise<Tarball> {
  const unpacked = await mkdtemp(join(tmpdir(), 'proxy-keys-package-'));
  try {
    await packages[name](unpacked);
    await mkdir(folder, { recursive: true });
    const { stdout } = await promisify(execFile)(
      'npm',
      ['pack', '--json', '--ignore-scripts', '--pack-destination', folder],
      { cwd: unpacked },
    );
    const [packed] = JSON.parse(stdout) as [
      { filename: string; size: number; unpackedSize: number },
    ];
    return {
      path: join(folder, packed.filename),
      packedBytes: packed.size,
      unpackedBytes: packed.unpackedSize,
    };
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
}
