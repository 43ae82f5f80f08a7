import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** How long a connect may take, in ms, before the queue counts as full. */
const fullMs = 300;

/** A stopped server whose kernel queue is full. */
export interface DeafTarget {
  port: number;
  close(): Promise<void>;
}

/** Starts one on the loopback address: connects to it get no answer to the first packet. */
export async function startDeafTarget(): Promise<DeafTarget> {
  const script = `require('node:net').createServer().listen(
    { port: 0, host: '127.0.0.1', backlog: 1 },
    function () { console.log(this.address().port); })`;
  const child = spawn(process.execPath, ['--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(line);
  child.kill('SIGSTOP');
  const waiting: Socket[] = [];
  let taken = true;
  while (taken) {
    const socket = connect({ port, host: '127.0.0.1' });
    waiting.push(socket);
    taken = await once(socket, 'connect', { signal: AbortSignal.timeout(fullMs) }).then(
      () => true,
      () => false,
    );
    socket.on('error', () => {});
  }
  return {
    port,
    async close() {
      for (const socket of waiting) socket.destroy();
      child.kill('SIGKILL');
      await exited;
    },
  };
}
