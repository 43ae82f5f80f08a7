import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Conversation, type Ending, Side } from './conversation.ts';
import type { Exchange } from './exchange.ts';
import { type Message, parseRequest } from './message.ts';

/** What a target saw of one connection. */
export interface TargetView {
  /** The first request; undefined if its head never arrived. */
  request: Message | undefined;
  got: string;
  said: string;
  ending: Ending;
}

/** What reached the client and the target. */
export interface Reached {
  /** `host:port` of the target. */
  authority: string;
  client: {
    got: string;
    interim: Message[];
    /** The final answer; undefined if its head never arrived. */
    answer: Message | undefined;
    ending: Ending;
  };
  /** One for each connection to the target, in order. */
  targets: TargetView[];
}

/** A proxy under test, and the credentials to send. */
export interface ProxyUnderTest {
  port: number;
  /** `user:password`. */
  basicAuth: string;
}

/** How long an exchange may take, in ms; a hang is an outcome, not an error. */
const deadlineMs = 3_000;

/** Runs one exchange through a proxy on the loopback address, against its own target. */
export async function runExchange(exchange: Exchange, proxy: ProxyUnderTest): Promise<Reached> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  if (exchange.target === 'nobody') await new Promise((resolve) => server.close(resolve));

  const credentials = Buffer.from(proxy.basicAuth).toString('base64');
  const conversation = new Conversation(exchange.method, (text) =>
    text.replaceAll('PORT', String(port)).replaceAll('CREDENTIALS', credentials),
  );
  const steps = exchange.target === 'nobody' ? [] : exchange.target;
  const served: Promise<void>[] = [];
  server.on('connection', (socket) => {
    const side = new Side(socket, conversation.changed);
    conversation.targets.push(side);
    conversation.changed();
    const taken = conversation.take(steps, side).then(async () => {
      await conversation.until(() => side.ending !== 'open' || side.closed);
      socket.end();
    });
    served.push(taken);
  });
  const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
  const client = new Side(socket, conversation.changed);
  conversation.client = client;

  const converse = async () => {
    await conversation.take(exchange.client, client);
    await conversation.until(
      () => conversation.answered || client.ending !== 'open' || client.closed,
    );
    // bytes that are not sent by now never will be, and a clean end would wait for them
    if (socket.writableLength > 0) socket.destroy();
    else socket.end();
    await conversation.until(() => client.closed);
    // a target that does not read would never see the end
    for (const side of conversation.targets) side.socket.resume();
    await conversation.until(() => conversation.targets.every(({ closed }) => closed));
    await Promise.all(served);
  };
  const deadline = new AbortController();
  await Promise.race([
    converse().finally(() => deadline.abort()),
    sleep(deadlineMs, undefined, { signal: deadline.signal }).catch(() => {}),
  ]);

  const answers = conversation.answers;
  const last = answers.at(-1);
  const isFinal = last && (last.status >= 200 || last.status === 101 || last.status === 0);
  const answer = isFinal ? last : undefined;
  const reached: Reached = {
    authority: `127.0.0.1:${port}`,
    client: {
      got: client.got,
      interim: answers.filter((each) => each !== answer),
      answer,
      ending: client.ending,
    },
    targets: conversation.targets.map(({ got, said, ending }) => ({
      request: parseRequest(got),
      got,
      said,
      ending,
    })),
  };
  for (const side of [client, ...conversation.targets]) side.socket.destroy();
  server.close();
  return reached;
}
