import { connect } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { noAnswer, noTls } from '../gateway/database/tls-failure.ts';

/** The SSLRequest message. Postgres responds with one byte: S for yes, N for no. */
const request = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

/**
 * Connects to Postgres over TLS, up to the point where the client logs in. The library `postgres` starts
 * the handshake whatever the server's response, and verifies IP addresses as if they were localhost.
 * Rejects with the TLS or network error, or with code `CONNECT_TIMEOUT` after `timeoutMs`.
 */
export function openTlsSocket(options: {
  host: string;
  port: number;
  tls: ConnectionOptions;
  timeoutMs: number;
}): Promise<TLSSocket> {
  const { host, port, tls, timeoutMs } = options;
  return new Promise((resolve, reject) => {
    const plain = connect({ host, port });
    const fail = (error: Error) => {
      clearTimeout(timer);
      plain.destroy();
      reject(error);
    };
    const timer = setTimeout(() => {
      fail(Object.assign(new Error('the TLS handshake timed out'), { code: 'CONNECT_TIMEOUT' }));
    }, timeoutMs);
    plain.on('error', fail);
    plain.once('close', () => {
      fail(Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' }));
    });
    plain.once('connect', () => plain.write(request));
    plain.once('data', (answer) => {
      // more than that byte, in clear text, may have been injected by an attacker
      if (answer.toString('latin1') !== 'S') {
        fail(new Error(answer.toString('latin1') === 'N' ? noTls : noAnswer));
        return;
      }
      const secure = connectTls({ ...tls, socket: plain });
      secure.once('error', fail);
      secure.once('secureConnect', () => {
        clearTimeout(timer);
        secure.off('error', fail);
        resolve(secure);
      });
    });
  });
}
