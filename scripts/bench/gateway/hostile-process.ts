import { fileURLToPath } from 'node:url';
import { type Program, startProcess } from './measured-process.ts';

/** What a gateway is burdened with. */
export type HostileKind =
  | 'pipelined requests'
  | 'silent names'
  | 'a key at its tunnel limit'
  | 'slow clients';

/** What hostile clients are asked for over their channel. */
export type HostileOrder =
  | 'name server'
  | 'stop'
  | {
      kind: HostileKind;
      proxyPort: number;
      /** A CONNECT, for those who hold a key. */
      request: string;
    };

/** A process of hostile clients. */
export interface HostileProcess extends Program {
  /** `address:port` of a name server that never answers. */
  nameServer: string;
  /** Resolves when they are at work. */
  begin(order: Exclude<HostileOrder, string>): Promise<void>;
  /** Resolves when all their connections have ended. */
  rest(): Promise<void>;
}

/** Starts hostile clients, which rest at first. */
export async function startHostile(): Promise<HostileProcess> {
  const hostile = startProcess(fileURLToPath(new URL('./hostile.ts', import.meta.url)));
  const ask = (order: HostileOrder) => hostile.ask(order);
  return {
    ...hostile,
    nameServer: (await ask('name server')) as string,
    begin: async (order) => void (await ask(order)),
    rest: async () => void (await ask('stop')),
  };
}
