import { familyOf, isPublic } from '../_shared/address-ranges.ts';
import { type Connection, network } from './network.ts';
import { Undelivered } from './outcome.ts';
import type { Settings } from './settings.ts';

/** How many of a name's addresses are tried. */
const mostAddresses = 3;
/** The ports on which a gateway allows TLS. */
const openPorts = [443, 8443];

/**
 * Connects to a URL's host. Resolves the name once and dials one of the allowed addresses, so that a second
 * answer from the name server (DNS rebinding) has no effect. Throws `Undelivered`.
 */
export async function dial(url: URL, settings: Settings, signal: AbortSignal): Promise<Connection> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  const secure = url.protocol === 'https:';
  const port = Number(url.port || (secure ? 443 : 80));
  if (!secure && !settings.allowLocal) throw new Undelivered('target_forbidden');
  const addresses = (await resolve(host, settings, signal)).filter(
    (address) =>
      (isPublic(address) && openPorts.includes(port) && secure) ||
      (settings.allowLocal && isLoopback(address)),
  );
  if (addresses.length === 0) throw new Undelivered('target_forbidden');
  const connection = await connect(addresses.slice(0, mostAddresses), port, signal);
  return secure ? startTls(connection, host, settings, signal) : connection;
}

const isLoopback = (address: string) => address === '::1' || /^127(\.\d+){3}$/.test(address);

async function resolve(
  host: string,
  { allowLocal, nameServer }: Settings,
  signal: AbortSignal,
): Promise<string[]> {
  if (familyOf(host) > 0) return [host];
  // never sent to a name server
  if (host === 'localhost') return allowLocal ? ['127.0.0.1'] : [];
  const options = { ...(nameServer && { nameServer }), signal };
  const answers = await Promise.allSettled([
    network.resolveDns(host, 'A', options),
    network.resolveDns(host, 'AAAA', options),
  ]);
  signal.throwIfAborted();
  const addresses = answers.flatMap((answer) =>
    answer.status === 'fulfilled' ? answer.value : [],
  );
  if (addresses.length === 0) throw new Undelivered('not_resolved');
  return addresses;
}

async function connect(
  addresses: string[],
  port: number,
  signal: AbortSignal,
): Promise<Connection> {
  for (const hostname of addresses) {
    const connecting = network.connect({ hostname, port });
    try {
      return await unlessAborted(connecting, signal);
    } catch {
      signal.throwIfAborted();
    }
  }
  throw new Undelivered('not_connected');
}

async function startTls(
  connection: Connection,
  hostname: string,
  { caCertificates }: Settings,
  signal: AbortSignal,
): Promise<Connection> {
  const options = {
    hostname,
    alpnProtocols: ['http/1.1'],
    ...(caCertificates.length > 0 && { caCerts: caCertificates }),
  };
  // closing the connection aborts a handshake that hangs
  const close = () => connection.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    const secured = await network.startTls(connection, options);
    await unlessAborted(secured.handshake(), signal);
    return secured;
  } catch {
    signal.throwIfAborted();
    throw new Undelivered('tls_failed');
  } finally {
    signal.removeEventListener('abort', close);
  }
}

/** Settles like the promise, or rejects when the signal is aborted; closes a connection that arrives after that. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(signal.reason);
      promise.then(
        (late) => (late as Partial<Connection> | undefined)?.close?.(),
        () => {},
      );
    };
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
