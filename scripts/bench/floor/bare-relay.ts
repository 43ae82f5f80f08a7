import { createServer } from 'node:http';
import { connect } from 'node:net';

// The minimum cost of a CONNECT gateway on Node: a server that connects to the requested target and pipes
// both ways, without authentication, limits, timeouts or records. It listens on the given loopback port.
const [port = ''] = process.argv.slice(2);
const server = createServer();
server.on('connect', ({ url = '' }, client, head) => {
  const { hostname, port } = new URL(`tcp://${url}`);
  const target = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  target.once('connect', () => {
    client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    if (head.length > 0) target.write(head);
    client.pipe(target);
    target.pipe(client);
  });
  client.on('error', () => target.destroy());
  target.on('error', () => client.destroy());
});
server.listen(Number(port), '127.0.0.1');
