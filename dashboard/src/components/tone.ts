/** What a colour stands for, in badges, meters and charts alike: `styles/tokens.css` has the colours. */
export type Tone = 'good' | 'neutral' | 'warning' | 'bad';

/** How a request ended, as people see it. */
export const outcomeTones = {
  ok: { kind: 'good', name: 'Served' },
  refused: { kind: 'warning', name: 'Refused' },
  failed: { kind: 'bad', name: 'Failed' },
} as const;

/** How near a quota is to its end, by the share of it that is used. */
export function quotaTone(share: number): Tone {
  if (share >= 1) return 'bad';
  return share >= 0.8 ? 'warning' : 'good';
}
