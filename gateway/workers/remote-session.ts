import { monotonicNow } from '../monotonic.ts';
import type { Admission, Description, Session } from '../session.ts';
import type { Channel } from './channel.ts';
import { type CoreFunctions, credentialsToWire, fromWire } from './messages.ts';

/** The core's session in a worker. */
export interface RemoteSession extends Session {
  /** The database's clock minus the machine's monotonic one, in ms. */
  setClock(offsetMs: number): void;
  /** Sends the bytes charged since the last call. */
  flushCharges(): void;
}

export function createRemoteSession(core: Channel<CoreFunctions>): RemoteSession {
  let clockOffsetMs: number | undefined;
  const charges = new Map<string, number>();
  const flushCharges = () => {
    if (charges.size === 0) return;
    core.notify('charge', [...charges]);
    charges.clear();
  };
  return {
    clock: () => (clockOffsetMs === undefined ? Date.now() : clockOffsetMs + monotonicNow()),
    setClock(offsetMs) {
      clockOffsetMs = offsetMs;
    },
    async admit(...asked) {
      return fromWire<Admission>(await core.call('admit', ...credentialsToWire(...asked)));
    },
    async describe(...asked) {
      return fromWire<Description>(await core.call('describe', ...credentialsToWire(...asked)));
    },
    opened: ({ key, mark }, setupMs) => core.notify('opened', key, mark, setupMs),
    release: (key) => core.notify('release', key),
    charge: (apiKeyId, bytes) => void charges.set(apiKeyId, (charges.get(apiKeyId) ?? 0) + bytes),
    flushCharges,
    record(event) {
      // its bytes must be charged before it is recorded
      flushCharges();
      return core.call('record', event);
    },
    refuse: (request) => core.call('refuse', request),
    dropped: (reason) => core.notify('dropped', reason),
    answered: (code, statusCode) => core.notify('answered', code, statusCode),
  };
}
