/** A stop waits for a turn of the event loop this short, in ms, for so many turns at most. */
const shortTurnMs = 0.05;
const mostTurns = 200;

/**
 * Resolves just after Node has taken what had connected: the kernel resets what still waits to be taken
 * when the port closes. A turn of the event loop that was short took it a moment ago.
 */
export async function untilJustAccepted(): Promise<void> {
  for (let turn = 0; turn < mostTurns; turn += 1) {
    const begun = performance.now();
    await new Promise(setImmediate);
    if (turn > 0 && performance.now() - begun < shortTurnMs) return;
  }
}
