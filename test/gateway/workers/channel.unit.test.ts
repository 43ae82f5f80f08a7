import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { Channel, type MessagePort } from '../../../gateway/workers/channel.ts';

/** Two ports that exchange JSON, as a parent and its child do, and the sent messages. */
function pair() {
  const sent: string[] = [];
  const ends = [new EventEmitter(), new EventEmitter()] as const;
  const port = (mine: EventEmitter, other: EventEmitter): MessagePort => ({
    connected: true,
    send(message) {
      const json = JSON.stringify(message);
      sent.push(json);
      setImmediate(() => other.emit('message', JSON.parse(json)));
      return true;
    },
    on: (name, listener) => mine.on(name, listener),
  });
  return { sent, ports: [port(ends[0], ends[1]), port(ends[1], ends[0])] as const };
}

type Calculator = {
  add(a: number, b: number): number;
  fail(): Promise<never>;
  note(word: string): void;
};

function calculator() {
  const { sent, ports } = pair();
  const noted: string[] = [];
  new Channel(ports[1], {
    add: (a: number, b: number) => a + b,
    async fail() {
      throw Object.assign(new Error('no'), { code: 'EADDRINUSE', syscall: 'listen', port: 80 });
    },
    note: (word: string) => void noted.push(word),
  });
  return { sent, noted, channel: new Channel<Calculator>(ports[0], {}) };
}

it('answers each call, and keeps the order of messages', async () => {
  const { channel, noted } = calculator();
  const sums = [channel.call('add', 1, 2), channel.call('add', 3, 4)];
  for (const word of ['a', 'b', 'c']) channel.notify('note', word);
  expect(await Promise.all(sums)).toEqual([3, 7]);
  expect(noted).toEqual(['a', 'b', 'c']);
});

it('combines the messages of one turn into one', async () => {
  const { channel, sent } = calculator();
  await Promise.all(Array.from({ length: 100 }, (_, n) => channel.call('add', n, 1)));
  expect(sent).toHaveLength(2);
});

it('rejects with the fields of a system error, without its stack trace', async () => {
  const { channel, sent } = calculator();
  const rejected = expect(channel.call('fail')).rejects;
  await rejected.toMatchObject({ message: 'no', code: 'EADDRINUSE', syscall: 'listen', port: 80 });
  expect(sent.join('')).not.toContain(' at ');
});

it('rejects pending calls when it is closed', async () => {
  const { channel } = calculator();
  const waiting = channel.call('add', 1, 2);
  channel.close();
  await expect(waiting).rejects.toThrow('closed');
  await expect(channel.call('add', 1, 2)).rejects.toThrow('closed');
});
