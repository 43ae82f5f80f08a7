import type { ReactNode } from 'react';
import styles from './badge.module.css';
import type { Tone } from './tone.ts';

/** A state in a word. The color adds no information. */
export function Badge(props: { kind: Tone; children: ReactNode }) {
  return <span className={styles[props.kind]}>{props.children}</span>;
}
