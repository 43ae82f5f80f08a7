import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { serveApiDocs } from './api-docs.ts';
import type { ServeDashboard } from './dashboard.ts';
import { createForwarder, withoutHeaders } from './forward.ts';
import { ownMessages } from './own-messages.ts';
import { listenOnLoopback } from './ports.ts';
import type { ApiKeyRole } from './role-tokens.ts';

/** The services behind the API gateway. */
export interface Upstreams {
  /** The local replacement for Supabase Auth, or the port of Supabase Auth itself. */
  auth: Hono | number;
  postgrestPort: number;
  /** Port of each Edge Function, by name. */
  functionPorts: Record<string, number>;
  /** Serves the dashboard's paths. */
  dashboard?: ServeDashboard;
}

/** The API keys that the API gateway accepts, like the platform's. */
export interface ApiKeys {
  publishableKey: string;
  secretKey: string;
  roleToken(role: ApiKeyRole): Promise<string>;
}

/** A listening API gateway. */
export interface ApiGateway {
  port: number;
  /** Until this is called, every request gets 503. */
  open(upstreams: Upstreams): void;
  close(): Promise<void>;
}

/**
 * Listens on the loopback address and does what the platform's API gateway does: routes by path, and
 * adds the token of the API key's role for a client without a user's token.
 */
export async function startApiGateway(options: {
  /** 0 for any free port. */
  port: number;
  keys: ApiKeys;
}): Promise<ApiGateway> {
  const { keys } = options;
  const forwarder = createForwarder();
  let opened: { upstreams: Upstreams; auth: Listener | number } | undefined;

  const forward = (
    request: IncomingMessage,
    response: ServerResponse,
    port: number,
    path: string,
  ) =>
    forwarder.forward(request, response, {
      port,
      path,
      away: () => answer(response, 503, ownMessages.away),
    });

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    if (!opened) return answer(response, 503, ownMessages.starting);
    const { upstreams, auth } = opened;
    if (await serveApiDocs(request, response)) return;
    if (upstreams.dashboard?.(request, response)) return;
    const route = matchRoute(request.url ?? '/', Object.keys(upstreams.functionPorts));
    if (!route) return answer(response, 404, ownMessages.noRoute);
    if (route.kind === 'function') {
      return forward(request, response, upstreams.functionPorts[route.name] as number, route.path);
    }
    if (request.method !== 'OPTIONS') {
      const refusal = await authorize(request, keys);
      if (refusal && !route.open) return answer(response, 401, refusal);
    }
    if (route.kind === 'rest') {
      return forward(request, response, upstreams.postgrestPort, route.path);
    }
    if (typeof auth === 'number') return forward(request, response, auth, route.path);
    request.url = route.path;
    await auth(request, response);
  };
  // by default a connection closes after 5 idle seconds: a request sent at that moment would be lost
  const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
    serve(request, response).catch((error) => {
      console.error(error);
      answer(response, 500, ownMessages.failed);
    });
  });
  return {
    port: await listenOnLoopback(server, options.port, 'the API gateway'),
    open(upstreams) {
      const { auth } = upstreams;
      opened = {
        upstreams,
        auth: typeof auth === 'number' ? auth : getRequestListener(withCors(auth).fetch),
      };
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      forwarder.close();
    },
  };
}

/** Adds CORS to the local Auth replacement. PostgREST, functions and Supabase Auth handle it themselves. */
function withCors(app: Hono): Hono {
  const open = new Hono();
  open.use(cors({ origin: '*', exposeHeaders: ['X-Total-Count', 'Link'] }));
  return open.all('*', (context) => app.fetch(context.req.raw));
}

type Listener = ReturnType<typeof getRequestListener>;

type Route =
  | { kind: 'function'; name: string; path: string }
  | { kind: 'rest' | 'auth'; path: string; open: boolean };

// a browser that follows a link sends no API key
const openAuthPaths = ['/.well-known/jwks.json', '/verify', '/authorize', '/callback'];

function matchRoute(url: string, functionNames: string[]): Route | null {
  const [, service, path = '/'] = /^\/(rest|auth|functions)\/v1(\/[^?#]*|$)/.exec(url) ?? [];
  const stripped = service ? url.slice(`/${service}/v1`.length) || '/' : url;
  if (service === 'rest') return { kind: 'rest', path: stripped, open: false };
  if (service === 'auth') {
    return { kind: 'auth', path: stripped, open: openAuthPaths.includes(path) };
  }
  // `/api/v1/…` is the public form of `/functions/v1/api/v1/…`, as a custom domain maps it
  const name = /^\/([^/?#]+)/.exec(stripped)?.[1];
  if (!name || !functionNames.includes(name)) return null;
  return { kind: 'function', name, path: stripped };
}

/** Adds the token of the API key's role to a request without a user's token. Returns why it is refused, or null. */
async function authorize(request: IncomingMessage, keys: ApiKeys): Promise<string | null> {
  const bearer = /^Bearer\s+(.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  const apiKey = apiKeyOf(request) ?? (bearer?.startsWith('sb_') ? bearer : undefined);
  if (apiKey && apiKey !== keys.publishableKey && apiKey !== keys.secretKey) {
    return 'Invalid API key';
  }
  if (request.headers.authorization && !bearer?.startsWith('sb_')) return null;
  if (!apiKey) return 'No API key found in request';
  const role = apiKey === keys.secretKey ? 'service_role' : 'anon';
  request.rawHeaders = [
    ...withoutHeaders(request.rawHeaders, ['authorization']),
    'Authorization',
    `Bearer ${await keys.roleToken(role)}`,
  ];
  return null;
}

function apiKeyOf(request: IncomingMessage): string | undefined {
  const header = request.headers.apikey;
  if (typeof header === 'string') return header;
  // not with URL, which rejects some paths that clients may send
  const [, query = ''] = /\?([^#]*)/.exec(request.url ?? '') ?? [];
  return new URLSearchParams(query).get('apikey') ?? undefined;
}

function answer(response: ServerResponse, status: number, message: string): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Access-Control-Allow-Origin': '*',
    'Cache-Control': 'no-store',
  });
  response.end(JSON.stringify({ message }));
}
