import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';

/** A port of 127.0.0.1 where no SYN is answered. */
export interface BlackHole {
  port: number;
  close(): Promise<void>;
}

/** Starts a listener that accepts no connection, and fills its queue. */
export async function openBlackHole(): Promise<BlackHole> {
  const script = `
    const server = require('node:net').createServer();
    server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
      require('node:fs').writeSync(1, String(server.address().port));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output] = await once(child.stdout, 'data');
  const port = Number(String(output));
  const queued: Socket[] = [];
  let connecting: boolean;
  do {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    queued.push(socket);
    await Promise.race([once(socket, 'connect'), sleep(200)]);
    // lets a busy process notice a connect that has succeeded
    await turn();
    connecting = socket.connecting;
  } while (!connecting);
  return {
    port,
    async close() {
      for (const socket of queued) socket.destroy();
      child.kill('SIGKILL');
      await once(child, 'close');
    },
  };
}
