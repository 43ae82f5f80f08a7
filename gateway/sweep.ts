/** How often open tunnels are looked at, in ms: what a key may overshoot its quota by on one node. */
export const sweepMs = 250;
