/** A shutdown waits for an event loop turn this short, in ms, and for at most this many turns. */
const shortTurnMs = 0.05;
const mostTurns = 200;

/**
 * Resolves just after Node has accepted all waiting connections: when the port closes, the kernel
 * resets those that are not accepted yet. A short event loop turn means that none were left
 * waiting.
 */
export async function untilJustAccepted(): Promise<void> {
  for (let turn = 0; turn < mostTurns; turn += 1) {
    const startedAt = performance.now();
    await new Promise(setImmediate);
    if (turn > 0 && performance.now() - startedAt < shortTurnMs) return;
  }
}
