import type { ReactNode } from 'react';
import styles from './badge.module.css';
import type { Tone } from './tone.ts';

/** A word on the state of something. The colour says nothing that the word does not. */
export function Badge(props: { kind: Tone; children: ReactNode }) {
  return <span className={styles[props.kind]}>{props.children}</span>;
}
