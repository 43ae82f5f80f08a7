import { createServer, type Server } from 'node:http';
import { Registry } from 'prom-client';

export interface OperationsOptions {
  /** Prometheus text. */
  metrics: () => Promise<string>;
  /** Why the gateway is not ready; empty when it is. */
  notReady: () => string[];
}

/**
 * What operators and their tools ask for: `/healthz` is 200 while the process runs, `/readyz` while
 * it can take CONNECTs (else 503 with the reasons), and `/metrics` is for Prometheus.
 */
export function createOperationsServer({ metrics, notReady }: OperationsOptions): Server {
  return createServer((request, response) => {
    const answer = (status: number, body: string, type = 'text/plain; charset=utf-8') => {
      response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' });
      response.end(body);
    };
    const path = request.url?.split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      answer(405, 'method_not_allowed\n');
    } else if (path === '/healthz') {
      answer(200, 'ok\n');
    } else if (path === '/readyz') {
      const reasons = notReady();
      if (reasons.length === 0) answer(200, 'ready\n');
      else answer(503, `${reasons.join('\n')}\n`);
    } else if (path === '/metrics') {
      metrics().then(
        (text) => answer(200, text, Registry.PROMETHEUS_CONTENT_TYPE),
        () => answer(500, 'internal\n'),
      );
    } else {
      answer(404, 'not_found: /healthz, /readyz and /metrics are here\n');
    }
  });
}
