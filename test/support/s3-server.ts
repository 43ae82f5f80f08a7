import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** An S3-compatible bucket in this process, which checks each signature. */
export interface S3Server {
  /** For `AWS_ENDPOINT_URL_S3`; with a path, as in Supabase Storage. */
  endpoint: string;
  /** The objects in the bucket, by name. */
  objects: Map<string, Buffer>;
  /** Requests so far, for example `PUT /bucket/name`. */
  requests: string[];
  /** Returns an answer to send in place of the normal one, or null. */
  interfere: (request: { method: string; name: string; query: URLSearchParams }) => S3Answer | null;
  close(): Promise<void>;
}

interface S3Answer {
  status: number;
  code?: string;
  /** Stores this many bytes of the content all the same. */
  keepBytes?: number;
}

export const bucket = 'archive';
const base = '/storage/v1/s3';

/** Starts a server that accepts the requests of one access key. */
export async function startS3Server(access: {
  accessKeyId: string;
  secretAccessKey: string;
  region: string;
}): Promise<S3Server> {
  const objects = new Map<string, Buffer>();
  const parts = new Map<string, Map<number, Buffer>>();
  const requests: string[] = [];

  function act(method: string, path: string, query: URLSearchParams, body: Buffer) {
    const [, given, name = ''] = /^\/([^/]+)\/(.+)$/.exec(path) ?? [];
    if (given !== bucket) return { status: 404, code: 'NoSuchBucket' };
    const interference = state.interfere({ method, name, query });
    if (interference !== null && interference.keepBytes === undefined) return interference;
    const content = body.subarray(0, interference?.keepBytes ?? body.length);
    const upload = query.get('uploadId');
    if (method === 'HEAD') {
      const size = objects.get(name)?.length;
      return size === undefined
        ? { status: 404, code: 'NoSuchKey' }
        : { status: 200, headers: { 'content-length': size } };
    }
    if (method === 'POST' && query.has('uploads')) {
      const id = `upload/${parts.size}+1==`;
      parts.set(id, new Map());
      return { status: 200, xml: `<UploadId>${id}</UploadId>` };
    }
    if (upload !== null) {
      const uploaded = parts.get(upload);
      if (uploaded === undefined) return { status: 404, code: 'NoSuchUpload' };
      const number = Number(query.get('partNumber'));
      const etag = (part: Buffer) => `"${createHash('md5').update(part).digest('hex')}"`;
      if (method === 'PUT') {
        uploaded.set(number, content);
        return { status: 200, headers: { etag: etag(content) } };
      }
      parts.delete(upload);
      if (method === 'DELETE') return { status: 204 };
      const listed = [
        ...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>(.*?)<\/ETag>/g),
      ];
      const whole = listed.map(([, at, tag]) => {
        const part = uploaded.get(Number(at));
        return part && etag(part) === tag ? part : null;
      });
      if (whole.includes(null) || whole.length !== uploaded.size) {
        return { status: 400, code: 'InvalidPart' };
      }
      objects.set(name, Buffer.concat(whole as Buffer[]));
      return { status: 200, xml: '<CompleteMultipartUploadResult/>' };
    }
    if (method !== 'PUT') return { status: 405, code: 'MethodNotAllowed' };
    objects.set(name, content);
    return { status: 200 };
  }

  const server = createServer(async (request, response) => {
    const body = Buffer.from(await text(request.setEncoding('latin1')), 'latin1');
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost');
    const path = decodeURIComponent(pathname).slice(base.length);
    requests.push(`${request.method} ${path}`);
    const refusal = findFault(request, body, access);
    const answer: {
      status: number;
      code?: string;
      xml?: string;
      headers?: Record<string, string | number>;
    } = refusal
      ? { status: 403, code: refusal }
      : act(request.method ?? '', path, searchParams, body);
    const { status, code, xml, headers } = answer;
    response.writeHead(status, headers);
    // a real server puts the key's id into its error
    const error =
      code &&
      `<Error><Code>${code}</Code><AWSAccessKeyId>${access.accessKeyId}</AWSAccessKeyId></Error>`;
    response.end(error ?? xml);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const state: S3Server = {
    endpoint: `http://127.0.0.1:${port}${base}`,
    objects,
    requests,
    interfere: () => null,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return state;
}

const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');
const hmac = (key: string | Buffer, content: string) =>
  createHmac('sha256', key).update(content).digest();

/** The fault in a request, by AWS's rules for Signature Version 4, or null. */
function findFault(
  request: IncomingMessage,
  body: Buffer,
  access: { accessKeyId: string; secretAccessKey: string; region: string },
): string | null {
  const { headers } = request;
  const [, id, date, region, signed = '', signature] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    ) ?? [];
  if (id === undefined || date === undefined) return 'AccessDenied';
  if (id !== access.accessKeyId) return 'InvalidAccessKeyId';
  if (region !== access.region) return 'AuthorizationHeaderMalformed';
  const names = signed.split(';');
  const hash = String(headers['x-amz-content-sha256']);
  const time = String(headers['x-amz-date']);
  if (!['host', 'x-amz-content-sha256', 'x-amz-date'].every((name) => names.includes(name))) {
    return 'AccessDenied';
  }
  const sent = Date.parse(
    time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'),
  );
  if (!(Math.abs(Date.now() - sent) < 15 * 60_000)) return 'RequestTimeTooSkewed';
  // every signed value must match what was sent
  if (hash !== sha256(body)) return 'XAmzContentSHA256Mismatch';
  const encode = (value: string) =>
    encodeURIComponent(value).replace(
      /[!'()*]/g,
      (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
    );
  const [path = '', query = ''] = (request.url ?? '').split('?');
  const canonical = [
    request.method,
    path
      .split('/')
      .map((part) => encode(decodeURIComponent(part)))
      .join('/'),
    [...new URLSearchParams(query)]
      .map(([name, value]) => `${encode(name)}=${encode(value)}`)
      .sort()
      .join('&'),
    ...names.map((name) => `${name}:${String(headers[name]).trim().replace(/ +/g, ' ')}`),
    '',
    signed,
    hash,
  ].join('\n');
  const scope = `${date}/${region}/s3/aws4_request`;
  const key = [region, 's3', 'aws4_request'].reduce<Buffer>(
    (before, part) => hmac(before, part),
    hmac(`AWS4${access.secretAccessKey}`, date),
  );
  const expected = hmac(key, ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n'));
  return expected.toString('hex') === signature ? null : 'SignatureDoesNotMatch';
}
