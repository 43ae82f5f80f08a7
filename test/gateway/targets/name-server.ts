import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import ipaddr from 'ipaddr.js';

export type RecordType = 'A' | 'AAAA';

/** The answer to a question; `silence` is no answer, `garbage` is a malformed one. */
export type Reply =
  | 'silence'
  | 'garbage'
  | { rcode?: number; addresses?: string[]; ttl?: number; cutOverUdp?: boolean };

export const nxdomain: Reply = { rcode: 3 };
export const noData: Reply = {};

/** A name server over UDP and TCP, on a port of 127.0.0.1. */
export interface NameServer {
  address: string;
  /** The received questions, in order: `A name` or `AAAA name`. */
  asked: string[];
  /** May be replaced at any time. */
  answer: (type: RecordType, name: string) => Reply | Promise<Reply>;
  close(): Promise<void>;
}

const types: Record<number, RecordType> = { 1: 'A', 28: 'AAAA' };

export async function startNameServer(answer: NameServer['answer']): Promise<NameServer> {
  const udp = createSocket('udp4');
  let closed = false;

  const reply = async (message: Buffer, overUdp: boolean, send: (bytes: Buffer) => void) => {
    const { type, name, end } = questionOf(message);
    server.asked.push(`${type} ${name}`);
    const given = await server.answer(type, name);
    if (given === 'silence' || closed) return;
    send(given === 'garbage' ? Buffer.from('no message') : encode(message, end, given, overUdp));
  };
  udp.on('message', (message, from) => {
    reply(message, true, (bytes) => udp.send(bytes, from.port, from.address));
  });
  const tcp = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      reply(chunk.subarray(2), false, (bytes) => {
        const length = Buffer.alloc(2);
        length.writeUInt16BE(bytes.length);
        socket.end(Buffer.concat([length, bytes]));
      });
    });
  });
  tcp.listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  // TCP's port first: on a busy machine, more TCP ports than UDP ports are in use
  const { port } = tcp.address() as AddressInfo;
  udp.bind(port, '127.0.0.1');
  await once(udp, 'listening');

  const server: NameServer = {
    address: `127.0.0.1:${port}`,
    asked: [],
    answer,
    async close() {
      closed = true;
      udp.close();
      await new Promise((resolve) => tcp.close(resolve));
    },
  };
  return server;
}

function questionOf(message: Buffer): { type: RecordType; name: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = types[message.readUInt16BE(at + 1)];
  if (!type) throw new Error('a question for neither A nor AAAA');
  return { type, name: labels.join('.').toLowerCase(), end: at + 5 };
}

function encode(
  question: Buffer,
  end: number,
  { rcode = 0, addresses = [], ttl = 300, cutOverUdp = false }: Exclude<Reply, string>,
  overUdp: boolean,
): Buffer {
  const cut = cutOverUdp && overUdp;
  const records = (cut ? [] : addresses).map((address) => {
    const data = Buffer.from(ipaddr.parse(address).toByteArray());
    const head = Buffer.alloc(12);
    head.writeUInt16BE(0xc00c, 0);
    head.writeUInt16BE(data.length === 4 ? 1 : 28, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt32BE(ttl, 6);
    head.writeUInt16BE(data.length, 10);
    return Buffer.concat([head, data]);
  });
  const head = Buffer.alloc(12);
  question.copy(head, 0, 0, 2);
  head.writeUInt16BE(0x8180 | (cut ? 0x0200 : 0) | rcode, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(records.length, 6);
  return Buffer.concat([head, question.subarray(12, end), ...records]);
}
