/** A color's meaning in badges, meters and charts; `styles/tokens.css` has the colors. */
export type Tone = 'good' | 'neutral' | 'warning' | 'bad';

/** The outcomes of a request, in words. */
export const outcomeTones = {
  ok: { kind: 'good', name: 'Served' },
  refused: { kind: 'warning', name: 'Refused' },
  failed: { kind: 'bad', name: 'Failed' },
} as const;

/** The tone of a quota, by the share that is used. */
export function quotaTone(share: number): Tone {
  if (share >= 1) return 'bad';
  return share >= 0.8 ? 'warning' : 'good';
}
