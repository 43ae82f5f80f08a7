// For `node --import`: a slow disk, which exposes code that does not wait for it.
import { open } from 'node:fs/promises';
import { devNull } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

const writeMs = 15;

await using file = await open(devNull, 'w');
const methods: { write(...args: unknown[]): Promise<unknown> } = Object.getPrototypeOf(file);
const { write } = methods;
methods.write = async function (...args) {
  await sleep(writeMs);
  return write.apply(this, args);
};
