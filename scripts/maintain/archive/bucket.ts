import { createHash } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { AwsClient } from 'aws4fetch';
import { StackError } from '../../stack/stack-error.ts';
import type { ArchiveStore } from './store.ts';

const example =
  'Write it as s3://bucket or s3://bucket/prefix, and set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, ' +
  'AWS_REGION and AWS_ENDPOINT_URL_S3 in the environment: see docs/archive.md.';

/** The size of one part of a multipart upload. A file has at most 10,000 parts. */
const defaultPartBytes = 64 * 1024 * 1024;
/** The timeout of one request. */
const requestMs = 10 * 60_000;

/**
 * Opens an archive in an S3-compatible bucket, with path-style URLs, which every provider supports.
 * Throws `StackError` for an invalid bucket URL, or without credentials in the environment.
 */
export function openBucket(
  target: string,
  environment: NodeJS.ProcessEnv,
  { partBytes = defaultPartBytes }: { partBytes?: number } = {},
): ArchiveStore {
  const [, bucket, path = ''] =
    /^s3:\/\/([a-z0-9][a-z0-9.-]{1,62})((?:\/(?!\.\.?(?:\/|$))[\w!.*'()=-]+)*)\/?$/.exec(target) ??
    [];
  if (bucket === undefined) {
    throw new StackError(`--archive ${target} is not a valid bucket URL.`, example);
  }
  const { accessKeyId, secretAccessKey, sessionToken, region, endpoint } = readAccess(environment);
  const client = new AwsClient({
    accessKeyId,
    secretAccessKey,
    ...(sessionToken && { sessionToken }),
    region,
    service: 's3',
    retries: 4,
    initRetryMs: 500,
  });

  /** Sends a request; throws `StackError` if it is refused, with only the code of the response. */
  const send = async (
    name: string,
    method: string,
    { query = '', body = null }: { query?: string; body?: Blob | null } = {},
  ): Promise<Response> => {
    const hash = body === null ? createHash('sha256').digest('hex') : await hashOf(body);
    let answer: Response;
    try {
      answer = await client.fetch(`${endpoint}/${bucket}${path}/${name}${query}`, {
        method,
        body,
        headers: { 'x-amz-content-sha256': hash },
        signal: AbortSignal.timeout(requestMs),
      });
    } catch (error) {
      const { cause, message } = error as Error & { cause?: { code?: string } };
      throw new StackError(
        `The bucket at ${new URL(endpoint).host} is not reachable: ${cause?.code ?? message}.`,
        'Check AWS_ENDPOINT_URL_S3 and the network, then run the command again.',
        { cause: error },
      );
    }
    if (answer.ok) return answer;
    const code = /<Code>(\w+)<\/Code>/.exec(await answer.text())?.[1] ?? 'without a code';
    throw new StackError(
      `The bucket ${bucket} refused ${method} ${path}/${name}: ${answer.status} ${code}.`,
      'Check that it exists, and that AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION allow writing to it.',
    );
  };

  const sendInParts = async (name: string, file: Blob): Promise<void> => {
    const upload = await (await send(name, 'POST', { query: '?uploads=' })).text();
    const id = encodeURIComponent(/<UploadId>([^<]+)<\/UploadId>/.exec(upload)?.[1] ?? '');
    try {
      let parts = '';
      for (let number = 1; (number - 1) * partBytes < file.size; number += 1) {
        const answer = await send(name, 'PUT', {
          query: `?partNumber=${number}&uploadId=${id}`,
          body: file.slice((number - 1) * partBytes, number * partBytes),
        });
        await answer.body?.cancel();
        parts += `<Part><PartNumber>${number}</PartNumber><ETag>${answer.headers.get('etag')}</ETag></Part>`;
      }
      const body = new Blob([`<CompleteMultipartUpload>${parts}</CompleteMultipartUpload>`]);
      const ended = await (await send(name, 'POST', { query: `?uploadId=${id}`, body })).text();
      // the response may start with 200 and report a failure later
      if (ended.includes('<Error>')) {
        throw new StackError(
          `The bucket ${bucket} did not complete the multipart upload of ${name}.`,
          'Run the command again.',
        );
      }
    } catch (error) {
      await send(name, 'DELETE', { query: `?uploadId=${id}` }).catch(() => {});
      throw error;
    }
  };

  return {
    makeWorkFolder: () => mkdtemp(join(tmpdir(), 'proxy-keys-archive-')),
    locate: (name) => `s3://${bucket}${path}/${name}`,
    async publish(file, name) {
      const content = await openAsBlob(file);
      if (content.size > partBytes) await sendInParts(name, content);
      else await (await send(name, 'PUT', { body: content })).body?.cancel();
      const { headers } = await send(name, 'HEAD');
      if (Number(headers.get('content-length')) === content.size) return;
      throw new StackError(
        `The bucket ${bucket} has ${headers.get('content-length')} of ${content.size} bytes of ${name}.`,
        'Run the command again.',
      );
    },
  };
}

async function hashOf(content: Blob): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of Readable.fromWeb(content.stream() as ReadableStream))
    hash.update(chunk);
  return hash.digest('hex');
}

function readAccess(environment: NodeJS.ProcessEnv) {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = environment;
  const region = environment.AWS_REGION || 'us-east-1';
  const endpoint = environment.AWS_ENDPOINT_URL_S3 || `https://s3.${region}.amazonaws.com`;
  if (!accessKeyId || !secretAccessKey) {
    throw new StackError('The bucket requires credentials, and the environment has none.', example);
  }
  if (!/^https?:\/\/[^/?#@]+(\/[^?#]*)?$/.test(endpoint) || !URL.canParse(endpoint)) {
    throw new StackError("AWS_ENDPOINT_URL_S3 is not a server's URL.", example);
  }
  return {
    accessKeyId,
    secretAccessKey,
    sessionToken: environment.AWS_SESSION_TOKEN,
    region,
    endpoint: endpoint.replace(/\/+$/, ''),
  };
}
