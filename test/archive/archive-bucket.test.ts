import { readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import getPort from 'get-port';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openBucket } from '../../scripts/maintain/archive/bucket.ts';
import { maintain } from '../../scripts/maintain/maintain.ts';
import { forgetUsage } from '../../scripts/stack/forget-usage.ts';
import { fillDay } from '../database/old-usage.ts';
import { callCommand } from '../support/operator-command.ts';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';
import { bucket, type S3Server, startS3Server } from '../support/s3-server.ts';
import { archive, askDuckdb, daysAgo, newFolder } from './archive-scenes.ts';

const access = {
  accessKeyId: 'the-id-of-a-key',
  secretAccessKey: 'th3/s3cret+of=a-key',
  region: 'eu-central-1',
};
const day = daysAgo(5);
const name = `usage/eu/day=${day}/usage.parquet`;

let database: OwnDatabase;
let sql: OwnDatabase['sql'];
let server: S3Server;
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  database = await startOwnDatabase();
  sql = database.sql;
});
afterAll(() => database.stop());

beforeEach(async () => {
  await forgetUsage(sql);
  await sql`truncate proxy_private.archived_usage_days`;
  const [key] = await database.newKeys(1);
  await fillDay(sql, key?.id ?? '', day, 300);
  server = await startS3Server(access);
  environment = {
    AWS_ACCESS_KEY_ID: access.accessKeyId,
    AWS_SECRET_ACCESS_KEY: access.secretAccessKey,
    AWS_REGION: access.region,
    AWS_ENDPOINT_URL_S3: server.endpoint,
  };
});
afterEach(() => server.close());

const target = `s3://${bucket}/usage/eu`;
const run = (partBytes?: number) =>
  archive(database.dbUrl, openBucket(target, environment, partBytes ? { partBytes } : {}));

/** The number of events in the stored file. */
async function countEvents() {
  const file = newFolder();
  writeFileSync(file, server.objects.get(name) ?? '');
  return askDuckdb(`select count(*)::integer as n from read_parquet('${file}')`);
}

it('the command uploads a day’s file and manifest', async () => {
  for (const [variable, value] of Object.entries(environment)) vi.stubEnv(variable, value);
  const workFolders = () =>
    readdirSync(tmpdir()).filter((each) => each.startsWith('proxy-keys-archive-'));
  const { code, stdout, stderr } = await callCommand(
    maintain,
    ['--archive', `${target}/`],
    database.dbUrl,
  ).finally(() => vi.unstubAllEnvs());
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toContain(`s3://${bucket}/${name}`);
  expect([...server.objects.keys()]).toEqual([name, `usage/eu/manifest/${day}.json`]);
  expect(await countEvents()).toEqual([{ n: 300 }]);
  const [noted] = await sql`select location from proxy_private.archived_usage_days`;
  expect(noted).toEqual({ location: `s3://${bucket}/${name}` });
  expect(server.requests).toEqual([
    `PUT /${bucket}/${name}`,
    `HEAD /${bucket}/${name}`,
    `PUT /${bucket}/usage/eu/manifest/${day}.json`,
    `HEAD /${bucket}/usage/eu/manifest/${day}.json`,
  ]);
  expect(workFolders()).toEqual([]);
});

it('a large file is uploaded in parts', async () => {
  expect(await run(1_000)).toMatchObject([{ outcome: 'archived' }]);
  expect(server.requests.filter((request) => request.startsWith('PUT')).length).toBeGreaterThan(4);
  expect(await countEvents()).toEqual([{ n: 300 }]);
});

it('an upload is retried while the bucket is busy', async () => {
  let busy = 2;
  server.interfere = ({ method }) => {
    busy -= 1;
    return method === 'PUT' && busy >= 0 ? { status: 503, code: 'SlowDown' } : null;
  };
  expect(await run()).toMatchObject([{ outcome: 'archived' }]);
});

describe('a failed upload is reported without a secret, and nothing is recorded', () => {
  it.each<[string, RegExp, () => void]>([
    [
      'a wrong secret',
      /403 SignatureDoesNotMatch.*AWS_SECRET_ACCESS_KEY/,
      () => {
        environment.AWS_SECRET_ACCESS_KEY = `${access.secretAccessKey}x`;
      },
    ],
    [
      'a wrong id',
      /403 InvalidAccessKeyId/,
      () => {
        environment.AWS_ACCESS_KEY_ID = 'another';
      },
    ],
    [
      'a wrong region',
      /403 AuthorizationHeaderMalformed.*AWS_REGION/,
      () => {
        environment.AWS_REGION = 'us-east-1';
      },
    ],
    [
      'an object that is stored in part',
      /has 7 of \d+ bytes/,
      () => {
        server.interfere = ({ method }) =>
          method === 'PUT' ? { status: 200, keepBytes: 7 } : null;
      },
    ],
    [
      'a part that is refused',
      /refused PUT .*: 400 EntityTooSmall/,
      () => {
        server.interfere = ({ query }) =>
          query.get('partNumber') === '3' ? { status: 400, code: 'EntityTooSmall' } : null;
      },
    ],
  ])('%s', async (what, sentence, spoil) => {
    spoil();
    const reports = await run(what.startsWith('a part') ? 1_000 : undefined);
    expect(reports).toMatchObject([
      { day, outcome: 'failed', detail: expect.stringMatching(sentence) },
    ]);
    expect(JSON.stringify(reports)).not.toMatch(/the-id-of-a-key|s3cret/);
    expect(await sql`table proxy_private.archived_usage_days`).toHaveLength(0);
    if (what.startsWith('a part')) {
      expect([server.requests.at(-1), server.objects.size]).toEqual([
        `DELETE /${bucket}/${name}`,
        0,
      ]);
    }
  });

  it('another bucket', async () => {
    const store = openBucket('s3://nowhere', environment);
    expect(await archive(database.dbUrl, store)).toMatchObject([
      { outcome: 'failed', detail: expect.stringContaining('404 NoSuchBucket') },
    ]);
  });

  it('a server that does not answer', async () => {
    environment.AWS_ENDPOINT_URL_S3 = `http://127.0.0.1:${await getPort()}`;
    expect(await run()).toMatchObject([
      { outcome: 'failed', detail: expect.stringMatching(/ECONNREFUSED.*AWS_ENDPOINT_URL_S3/) },
    ]);
  });
});

it.each([
  'ftp://example.com',
  'https://user:password@example.com',
  'https://example.com/?a=b',
  'x',
])('the endpoint %s is refused', (endpoint) => {
  environment.AWS_ENDPOINT_URL_S3 = endpoint;
  expect(() => openBucket(target, environment)).toThrow('AWS_ENDPOINT_URL_S3');
});
