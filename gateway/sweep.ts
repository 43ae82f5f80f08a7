/**
 * How often open tunnels are checked, in ms: how long a key may overshoot its quota on one node.
 */
export const sweepMs = 250;
