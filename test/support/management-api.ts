import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A function as `supabase functions deploy --use-api` uploads it. */
export interface UploadedFunction {
  slug: string;
  metadata: {
    name: string;
    entrypoint_path: string;
    import_map_path: string;
    static_patterns: string[];
    verify_jwt: boolean;
  };
  /** The content of each file, by its path. */
  files: Map<string, string>;
  /** The size of the request body. */
  bytes: number;
}

/** The function endpoints of the platform's management API, in this process. */
export interface ManagementApi {
  url: string;
  uploaded: UploadedFunction[];
  /** The functions that the last bulk update activated. */
  inService: { slug: string; verify_jwt: boolean }[];
  /** Requests without a handler here, for example `GET /v1/projects`. */
  unknown: string[];
  close(): Promise<void>;
}

/** Starts one for the project `ref`, which accepts this access token. */
export async function startManagementApi(ref: string, token: string): Promise<ManagementApi> {
  const uploaded: UploadedFunction[] = [];
  const project = `/v1/projects/${ref}`;

  async function answer(request: IncomingMessage): Promise<[status: number, body: unknown]> {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost');
    const body = await buffer(request);
    if (request.headers.authorization !== `Bearer ${token}`) return [401, { message: 'no token' }];
    switch (`${request.method} ${pathname}`) {
      case `POST ${project}/functions/deploy`: {
        const upload = await readUpload(searchParams.get('slug') ?? '', request, body);
        uploaded.push(upload);
        return [201, describe(upload)];
      }
      case `PUT ${project}/functions`:
        api.inService = JSON.parse(body.toString()) as ManagementApi['inService'];
        return [200, { functions: api.inService }];
      // the CLI asks for the project's name
      case `GET ${project}`:
        return [404, { message: 'not found' }];
      default:
        api.unknown.push(`${request.method} ${pathname}`);
        return [404, { message: 'not found' }];
    }
  }

  const server = createServer(async (request, response) => {
    const [status, body] = await answer(request);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const api: ManagementApi = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    uploaded,
    inService: [],
    unknown: [],
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return api;
}

async function readUpload(
  slug: string,
  request: IncomingMessage,
  body: Buffer<ArrayBuffer>,
): Promise<UploadedFunction> {
  const headers = { 'content-type': request.headers['content-type'] ?? '' };
  const form = await new Response(body, { headers }).formData();
  const files = form.getAll('file').filter((part) => part instanceof File);
  return {
    slug,
    metadata: JSON.parse(String(form.get('metadata'))) as UploadedFunction['metadata'],
    files: new Map(
      await Promise.all(files.map(async (file) => [file.name, await file.text()] as const)),
    ),
    bytes: body.length,
  };
}

/** A function as the API describes one that is uploaded but not yet active. */
function describe({ slug, metadata }: UploadedFunction): Record<string, unknown> {
  return { ...metadata, id: `id-of-${slug}`, slug, status: 'ACTIVE', version: 1, created_at: 1 };
}
