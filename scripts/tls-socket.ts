import { connect } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { noAnswer, noTls } from '../gateway/database/tls-failure.ts';

/** A request for TLS, which Postgres answers with one byte: S for yes, N for no. */
const request = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

/**
 * Connects to a Postgres over TLS, up to where the client would log in: `postgres` by itself begins the
 * handshake whatever the server answered, and checks the name of an address as if it were localhost.
 * Rejects with the error of TLS or of the network, with code `CONNECT_TIMEOUT` after `timeoutMs`.
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
      fail(Object.assign(new Error('no TLS in time'), { code: 'CONNECT_TIMEOUT' }));
    }, timeoutMs);
    plain.on('error', fail);
    plain.once('close', () => {
      fail(Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' }));
    });
    plain.once('connect', () => plain.write(request));
    plain.once('data', (answer) => {
      // more than that byte, in clear text, would be somebody else's words
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
