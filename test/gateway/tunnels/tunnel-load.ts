import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectRequest, sendRaw } from '../../support/gateway/gateway-fixture.ts';
import type { SeededRandom } from '../../support/gateway/seeded-random.ts';
import type { SeededKey } from '../../support/seeded-keys.ts';
import { sendInParts } from '../send-in-parts.ts';
import { type LoadPlan, makePlan } from '../usage/load-plan.ts';
import { type LoadTarget, startLoadTarget } from '../usage/load-target.ts';

/** A CONNECT to its own address, which distinguishes its events from all others. */
export interface LoadTunnel {
  address: string;
  key: SeededKey;
  plan: LoadPlan;
  /** The number of killed gateways before its request. */
  life: number;
  /** The status of its answer; null without an answer. */
  status: number | null;
  /** The bytes that the client got. */
  got: number;
  /**
   * ended: the client saw a clean end while its gateway was alive. left: the client had everything
   * and closed first. broken: neither.
   */
  outcome: 'ended' | 'left' | 'broken';
  /** Whether its gateway was killed before its outcome. */
  killed: boolean;
}

/** Clients that open tunnels without a pause, until they are stopped. */
export class TunnelLoad {
  readonly tunnels = new Map<string, LoadTunnel>();
  readonly target: LoadTarget;
  readonly #options: LoadOptions;
  readonly #clients: Promise<void>[];
  #life = 0;
  #ended = 0;
  #stopping = false;
  #onEnded: () => void = () => {};

  constructor(options: LoadOptions, target: LoadTarget, tunnels: Map<string, LoadTunnel>) {
    this.#options = options;
    this.target = target;
    this.tunnels = tunnels;
    this.#clients = Array.from({ length: options.clients }, () => this.#client());
  }

  /** The number of cleanly ended tunnels. */
  get ended(): number {
    return this.#ended;
  }

  /** Call right before a gateway is killed: later ends may come from the kernel. */
  gatewayDies(): void {
    this.#life += 1;
  }

  get life(): number {
    return this.#life;
  }

  /** Calls `act` at the moment when a client sees the end of its tunnel. */
  atNextEnd(act: () => Promise<unknown>): Promise<unknown> {
    return new Promise((resolve) => {
      this.#onEnded = () => {
        this.#onEnded = () => {};
        resolve(act());
      };
    });
  }

  /** Resolves when this many more tunnels have ended. */
  async untilEnded(more: number): Promise<void> {
    const goal = this.#ended + more;
    while (this.#ended < goal) await sleep(5);
  }

  /** Opens no more tunnels, and resolves when all are closed, at the target too. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#clients);
    await this.target.idle();
  }

  async #client(): Promise<void> {
    while (!this.#stopping) {
      const tunnel = this.#newTunnel();
      await this.#use(tunnel);
      // the gateway or the database is down
      if (tunnel.status !== 200) await sleep(20);
    }
  }

  #newTunnel(): LoadTunnel {
    const { keys, random } = this.#options;
    const number = this.tunnels.size + 1;
    const tunnel: LoadTunnel = {
      address: `127.${1 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`,
      key: random.pick(keys),
      plan: makePlan(random),
      life: this.#life,
      status: null,
      got: 0,
      outcome: 'broken',
      killed: false,
    };
    this.tunnels.set(tunnel.address, tunnel);
    return tunnel;
  }

  async #use(tunnel: LoadTunnel): Promise<void> {
    const { address, key } = tunnel;
    const basicAuth = `${key.keyId}:${key.secret}`;
    const request = connectRequest(`${address}:${this.target.port}`, basicAuth);
    const answer = await sendRaw(this.#options.gatewayPort, request).catch(() => null);
    tunnel.status = answer?.status ?? null;
    if (answer?.status === 200) await this.#follow(tunnel, answer.socket);
    tunnel.killed = this.#life > tunnel.life;
  }

  async #follow(tunnel: LoadTunnel, socket: Socket): Promise<void> {
    const { upload, download, parts, ending } = tunnel.plan;
    socket.allowHalfOpen = true;
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    const established = new Promise<void>((resolve) => {
      socket.once('end', () => {
        if (this.#life === tunnel.life) {
          tunnel.outcome = 'ended';
          this.#ended += 1;
          this.#onEnded();
        }
        // no one is left to receive the rest
        if (tunnel.outcome !== 'ended' || tunnel.got !== download) socket.destroy();
        resolve();
      });
    });
    const whole = new Promise<void>((resolve) => {
      socket.on('data', (chunk: Buffer) => {
        tunnel.got += chunk.length;
        if (tunnel.got === download) resolve();
      });
    });
    const sending = async () => {
      const first = ending === 'target early' ? Math.ceil(upload / 2) : upload;
      await sendInParts(socket, first, parts);
      if (ending === 'client') await whole;
      if (ending === 'client leaves') {
        await whole;
        tunnel.outcome = 'left';
        socket.destroy();
        return;
      }
      if (ending === 'target' || ending === 'target early') await established;
      await sendInParts(socket, upload - first, 1);
      socket.end();
    };
    if (socket.destroyed) return;
    socket.resume();
    await Promise.race([closed, sending()]);
    await closed;
  }
}

export interface LoadOptions {
  gatewayPort: number;
  /** The number of tunnels that are open at once. */
  clients: number;
  keys: SeededKey[];
  random: SeededRandom;
}

/** Starts the targets, and clients that keep tunnels open to them. */
export async function startTunnelLoad(options: LoadOptions): Promise<TunnelLoad> {
  const tunnels = new Map<string, LoadTunnel>();
  const target = await startLoadTarget((address) => tunnels.get(address)?.plan);
  return new TunnelLoad(options, target, tunnels);
}
