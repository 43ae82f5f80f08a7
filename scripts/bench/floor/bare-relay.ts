import { createServer } from 'node:http';
import { connect } from 'node:net';

// What any CONNECT gateway on Node costs at least: a server that connects what it is asked for and
// pipes both ways, with no authentication, limits, deadlines or records, at the loopback port given.
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
