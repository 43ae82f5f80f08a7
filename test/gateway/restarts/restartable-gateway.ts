import { expect, onTestFinished } from 'vitest';
import { freePort } from '../../../scripts/stack/ports.ts';
import { type GatewayProcess, startGatewayProcess } from '../../support/gateway/gateway-process.ts';
import { temporaryFolder } from '../../support/stack/start-command.ts';
import { untilReady } from '../readiness/read-readiness.ts';

/** A gateway that keeps its ports and spool over restarts. */
export async function newRestartableGateway(databaseUrl: string) {
  const [port, metricsPort] = [await freePort(), await freePort()];
  const spool = `${temporaryFolder()}/spool`;
  let running: GatewayProcess | undefined;
  onTestFinished(async () => void (await running?.kill()));
  return {
    port,
    metricsPort,
    async start() {
      running = startGatewayProcess({
        GATEWAY_DATABASE_URL: databaseUrl,
        GATEWAY_PORT: String(port),
        GATEWAY_METRICS_PORT: String(metricsPort),
        GATEWAY_SPOOL_DIR: spool,
        GATEWAY_ALLOW_TARGETS: '127.0.0.0/8',
        GATEWAY_LOG_LEVEL: 'warn',
        GATEWAY_LAME_DUCK_MS: '1500',
      });
      await untilReady({ operationsUrl: `http://127.0.0.1:${metricsPort}` });
    },
    async stop() {
      expect(await running?.stop()).toBe(0);
    },
  };
}
