import pg from 'pg';
import { pino } from 'pino';
import { haveHash, parseCredentials } from '../../../gateway/keys/credentials.ts';
import { KeyCache } from '../../../gateway/keys/key-cache.ts';
import { createPool, lookUpWith } from '../../../gateway/keys/key-lookup.ts';
import { timeEach } from '../interleave.ts';
import { compare, type Measuring } from '../measuring.ts';
import { makeBareLookups } from '../scratch-tables.ts';
import { type BenchKey, newBenchKeys } from './bench-keys.ts';

const keyCount = 1_000;
/** Checks of a hash that are timed as one: each takes some microseconds. */
const checksAtOnce = 100;

/**
 * What it takes to know a key that is not in the cache, against selecting its row by primary key over
 * the same driver; and, for scale, the check of its secret against bcrypt's.
 */
export async function measureAuthentication(measuring: Measuring): Promise<void> {
  const owners = await measuring.scene.newUsers(keyCount / 10);
  const keys = await newBenchKeys(measuring, Array.from({ length: 10 }, () => owners).flat());
  await makeBareLookups(measuring.sql);
  await measureCold(measuring, keys);
  await measureCheck(measuring, keys);
}

async function measureCold(measuring: Measuring, keys: BenchKey[]): Promise<void> {
  const pool = createPool({
    databaseUrl: measuring.stack.gatewayDbUrl,
    connections: 1,
    log: pino({ level: 'silent' }),
  });
  const cache = new KeyCache({ lookUp: lookUpWith(pool), now: () => performance.now() });
  cache.switchOn();
  const asked = keys.map(({ keyId, pair }) => ({ keyId, header: headerOf(pair) }));
  let next = 0;
  const count = 5 * measuring.size.statements;
  try {
    await compare(
      measuring,
      { group: 'gateway', name: 'cold authentication', against: 'bare select', aim: 1.5 },
      {
        candidate: {
          round: () =>
            timeEach(
              count,
              async () => {
                const credentials = parseCredentials(asked[next % asked.length]?.header);
                if (!credentials) throw new Error('the credentials are malformed');
                const { record } = await cache.get(credentials.keyId);
                if (!record || !haveHash(credentials, record.secretHash)) {
                  throw new Error('the credentials are refused');
                }
              },
              async () => {
                next += 1;
                cache.drop(asked[next % asked.length]?.keyId ?? '');
              },
            ),
        },
        baseline: {
          round: () =>
            timeEach(count, async () => {
              next += 1;
              const { rowCount } = await pool.query({
                name: 'bare_lookup',
                text: 'select * from bench.bare_lookups where key_id = $1',
                values: [asked[next % asked.length]?.keyId],
              });
              if (rowCount !== 1) throw new Error('the bare table lacks a key');
            }),
        },
      },
    );
  } finally {
    await pool.end();
  }
}

async function measureCheck(measuring: Measuring, keys: BenchKey[]): Promise<void> {
  const [key] = keys;
  if (!key) throw new Error('there are no keys');
  const header = headerOf(key.pair);
  const secretHash = parseCredentials(header)?.secretHash ?? Buffer.of();
  const client = new pg.Client(measuring.stack.dbUrl);
  await client.connect();
  const bcrypt = (salt: string) =>
    client.query<{ hash: string }>('select extensions.crypt($1, $2) as hash', [key.pair, salt]);
  const { rows } = await client.query<{ salt: string }>(
    "select extensions.gen_salt('bf', 12) as salt",
  );
  const { size } = measuring;
  const few = {
    ...measuring,
    size: {
      ...size,
      rounds: Math.ceil(size.rounds / 8),
      warmUpRounds: Math.min(1, size.warmUpRounds),
    },
  };
  try {
    await compare(
      few,
      { group: 'gateway', name: 'check of a secret', against: 'bcrypt, cost 12', aim: null },
      {
        candidate: {
          round: async () => {
            const durations = await timeEach(size.statements, async () => {
              for (let check = 0; check < checksAtOnce; check++) {
                const credentials = parseCredentials(header);
                if (!credentials || !haveHash(credentials, secretHash)) {
                  throw new Error('the credentials are refused');
                }
              }
            });
            return durations.map((duration) => duration / checksAtOnce);
          },
        },
        baseline: { round: () => timeEach(1, () => bcrypt(rows[0]?.salt ?? '')) },
      },
    );
  } finally {
    await client.end();
  }
}

function headerOf(pair: string): string {
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}
