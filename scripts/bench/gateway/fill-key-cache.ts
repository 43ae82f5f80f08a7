import { randomBytes, randomUUID } from 'node:crypto';
import pg from 'pg';
import { anywhere } from '../../../gateway/keys/client-ranges.ts';
import { KeyCache } from '../../../gateway/keys/key-cache.ts';
import { growth, memoryUse } from './tell-memory.ts';

// Puts the given number of keys into a gateway's key cache, each with a record like a look-up's result,
// and prints how much memory they use.
const [count = ''] = process.argv.slice(2);
const parseBytes: (text: string) => Buffer = pg.types.getTypeParser(pg.types.builtins.BYTEA);

/** Creates a string like the driver does: from bytes, in one piece. */
const parseText = (text: string) => Buffer.from(text).toString();

const cache = new KeyCache({
  lookUp: async (keyId) => ({
    id: parseText(randomUUID()),
    keyId: parseText(keyId),
    secretHash: parseBytes(`\\x${randomBytes(32).toString('hex')}`),
    active: true,
    suspended: false,
    rateLimit: 10,
    tunnelLimit: 100,
    bandwidthLimitBytes: 5_000_000_000,
    bandwidthUsedBytes: 1_234_567_890,
    allowedIps: anywhere,
    expiresInMs: null,
    previousHash: null,
    previousEndsInMs: null,
    account: { id: 'an account', limitBytes: 2 ** 53 - 1, usedBytes: 0 },
  }),
  now: () => performance.now(),
});

const before = memoryUse();
cache.switchOn();
for (let number = 0; number < Number(count); number++) {
  await cache.get(`avp_live_${number.toString(16).padStart(12, '0')}`);
}
if (cache.size.known !== Number(count)) throw new Error(`${cache.size.known} keys were cached`);
console.log(JSON.stringify(growth(before, memoryUse())));
