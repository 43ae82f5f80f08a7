/**
 * How often open tunnels are checked, in ms: a key may overshoot its quota on one node this long.
 */
export const sweepMs = 250;
