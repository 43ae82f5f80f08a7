import { Server } from 'proxy-chain';

// What any gateway on proxy-chain costs at least: proxy-chain alone, without authentication, at the
// loopback port given.
const [port = ''] = process.argv.slice(2);
await new Server({ host: '127.0.0.1', port: Number(port) }).listen();
