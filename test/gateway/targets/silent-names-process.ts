import { readFile } from 'node:fs/promises';
import { pino } from 'pino';
import { createNameResolver } from '../../../gateway/targets/name-resolver.ts';

// Resolves a good name beside unanswered ones, with one libuv thread, and prints the result.
const { signal } = new AbortController();
const names = createNameResolver({
  servers: [process.env.NAME_SERVER ?? ''],
  log: pino({ level: 'silent' }),
});
const resolve = (name: string) => names.resolve(name, { keyId: 'avp_live_000000000000', signal });
for (let at = 0; at < 20; at += 1) resolve(`silent-${at}.example`).catch(() => {});
const [[answer]] = await Promise.all([resolve('good.example'), readFile(import.meta.filename)]);
const { underWay } = names;
const requests = process.getActiveResourcesInfo().filter((name) => /AddrInfo/.test(name)).length;
process.stdout.write(`${JSON.stringify({ address: answer?.address, underWay, requests })}\n`);
process.exit();
