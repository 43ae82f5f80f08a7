import { readdir } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join, relative } from 'node:path';
import sirv, { type RequestHandler } from 'sirv';
import { securityHeaders } from '../../dashboard/content-security-policy.ts';
import type { Configuration } from '../../dashboard/src/configuration.ts';
import { dashboardPath } from './dashboard-path.ts';

/** Answers a request for the dashboard or one of its files. Returns false for any other request. */
export type ServeDashboard = (request: IncomingMessage, response: ServerResponse) => boolean;

/** A build, ready to be served. */
interface ServedBuild {
  /** All files by path: no part of a request is used as a file name. */
  files: ReadonlySet<string>;
  send: RequestHandler;
}

/** Serves the build in `folder` with this stack's configuration. */
export async function createDashboard(
  folder: string,
  configuration: Configuration,
): Promise<ServeDashboard> {
  const { files, send } = await readBuild(folder);

  return (request, response) => {
    const [, path = '', query = ''] = /^([^?#]*)(.*)$/s.exec(request.url ?? '') ?? [];
    if (path !== dashboardPath && !path.startsWith(`${dashboardPath}/`)) return false;
    response.setHeaders(new Map(Object.entries(securityHeaders([]))));
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      say(response, 405, 'Only GET and HEAD are allowed here.');
    } else if (path === dashboardPath) {
      // without the slash, the page's relative URLs would resolve to the parent path
      response.setHeader('Location', `${dashboardPath}/${query}`);
      say(response, 308, `The dashboard is at ${dashboardPath}/`);
    } else {
      sendPart(request, response, path.slice(dashboardPath.length + 1) || 'index.html');
    }
    return true;
  };

  function sendPart(request: IncomingMessage, response: ServerResponse, path: string) {
    if (path === 'config.json') {
      answer(response, 200, 'application/json', JSON.stringify(configuration));
    } else if (!files.has(path)) {
      say(response, 404, 'The dashboard has no such file.');
    } else {
      sendFile(request, response, path, send);
    }
  }
}

function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  send: RequestHandler,
): void {
  const immutable = path.startsWith('assets/');
  response.setHeader(
    'Cache-Control',
    immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
  );
  response.setHeader('Vary', 'Accept-Encoding');
  request.url = `/${path}`;
  // a range of a file that has several encodings would be useless
  delete request.headers.range;
  request.headers['accept-encoding'] = acceptedEncodings(request);
  send(request, response);
}

/** Removes encodings with weight 0, which sirv does not recognize. */
function acceptedEncodings({ headers }: IncomingMessage): string {
  const entries = `${headers['accept-encoding'] ?? ''}`.split(',');
  return entries.filter((entry) => !/;\s*q=0(\.0*)?\s*$/i.test(entry)).join();
}

async function readBuild(folder: string): Promise<ServedBuild> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((path) => !unserved.test(path));
  const send = sirv(folder, { etag: true, brotli: true, gzip: true, extensions: [] });
  return { files: new Set(files), send };
}

/** Files for hosts, and compressed files under their own names. */
const unserved = /^(_headers|build\.json|config\.json)$|\.(br|gz)$|(^|\/)\./;

function say(response: ServerResponse, status: number, words: string): void {
  answer(response, status, 'text/plain; charset=utf-8', `${words}\n`);
}

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  });
  // Node leaves the body out for HEAD
  response.end(body);
}
