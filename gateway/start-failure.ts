import { ConfigurationError, type GatewayConfiguration } from './configuration.ts';
import { TooFewConnections } from './database/connection-room.ts';
import { DatabaseUrlError } from './database/database-url.ts';
import { CertificateUnusable } from './listeners/certificate-files.ts';
import { NoTime } from './read-time.ts';
import { SpoolInUse } from './usage/spool-lock.ts';

const options = `Options:
--resend-rejected     sends rejected events again
--resend-kept <time>  sends events again that were recorded since then`;

/**
 * The cause and the next step, for a start that fails for a reason that an operator can correct;
 * null for any other.
 */
export function explainStartFailure(
  error: unknown,
  configuration: GatewayConfiguration | undefined,
): string | null {
  if (String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS')) {
    return `${(error as Error).message}\n${options}`;
  }
  if (error instanceof NoTime) return `--resend-kept: ${error.message}`;
  if (error instanceof ConfigurationError) {
    return `${error.message}\n\ndocs/gateways.md describes each variable.`;
  }
  if (error instanceof TooFewConnections) {
    return `${error.code}: ${error.message}\ndocs/gateway-logins.md explains how many a gateway needs.`;
  }
  // the configuration was valid: a file that the URL names has gone since
  if (error instanceof DatabaseUrlError) return `GATEWAY_DATABASE_URL: ${error.message}`;
  if (error instanceof SpoolInUse) {
    return `${error.message}\nStop that gateway, or set GATEWAY_SPOOL_DIR to another folder.`;
  }
  if (error instanceof CertificateUnusable) {
    return `${error.message}\nSet GATEWAY_TLS_CERT_FILE and GATEWAY_TLS_KEY_FILE to a certificate with its chain, and its key.`;
  }
  if (!(error instanceof Error) || configuration === undefined) return null;
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (syscall === 'listen' || syscall === 'getaddrinfo') {
    return code === 'EADDRINUSE' ? portInUse(error, configuration) : cannotListen(message);
  }
  const { spoolDirectory } = configuration;
  const { path, errcode } = error as { path?: string; errcode?: number };
  if (path?.startsWith(spoolDirectory) || spoolDirectory.startsWith(`${path}/`) || errcode) {
    return [
      `The spool folder ${spoolDirectory} cannot be used: ${message}`,
      'Set GATEWAY_SPOOL_DIR to a folder that this user can write to, on a disk with free space.',
    ].join('\n');
  }
  return null;
}

function portInUse(error: Error, configuration: GatewayConfiguration): string {
  const { address, port } = error as { address?: string; port?: number };
  // both may have the same port: clients' port is the second to listen
  const isTls = port === configuration.tls?.port;
  const other = isTls ? 'GATEWAY_TLS_PORT' : 'GATEWAY_METRICS_PORT';
  const variable = port === configuration.port ? 'GATEWAY_PORT' : other;
  return `Port ${port} of ${address} is in use.\nStop the process that uses it (another gateway?), or set ${variable}.`;
}

function cannotListen(message: string): string {
  return `The gateway cannot listen: ${message}\nSet GATEWAY_HOST, GATEWAY_METRICS_HOST and their ports to addresses and ports of this machine.`;
}
