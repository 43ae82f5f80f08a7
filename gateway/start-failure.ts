import { ConfigurationError, type GatewayConfiguration } from './configuration.ts';
import { TooFewConnections } from './database/connection-room.ts';
import { DatabaseUrlError } from './database/database-url.ts';
import { CertificateUnusable } from './listeners/certificate-files.ts';
import { NoTime } from './read-time.ts';
import { SpoolInUse } from './usage/spool-lock.ts';

const options = `A gateway has these options:
--resend-rejected sends again what was put aside.
--resend-kept <time> sends again what was recorded since then.`;

/**
 * What is wrong and what to do next, for a start that fails for a reason that its operator can correct;
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
    return `${error.message}\n\ndocs/gateways.md says what each is for.`;
  }
  if (error instanceof TooFewConnections) {
    return `${error.code}: ${error.message}\ndocs/gateway-logins.md says how many a gateway takes.`;
  }
  // a file that it names was there a moment ago
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
      'Set GATEWAY_SPOOL_DIR to a folder that this user may write, on a disk that has room.',
    ].join('\n');
  }
  return null;
}

function portInUse(error: Error, configuration: GatewayConfiguration): string {
  const { address, port } = error as { address?: string; port?: number };
  // both may be given the same one: the second to listen is the one for clients
  const isTls = port === configuration.tls?.port;
  const other = isTls ? 'GATEWAY_TLS_PORT' : 'GATEWAY_METRICS_PORT';
  const variable = port === configuration.port ? 'GATEWAY_PORT' : other;
  return `Port ${port} of ${address} is in use.\nStop what uses it (another gateway?), or set ${variable}.`;
}

function cannotListen(message: string): string {
  return `The gateway cannot listen: ${message}\nSet GATEWAY_HOST, GATEWAY_METRICS_HOST and their ports to what this machine has.`;
}
