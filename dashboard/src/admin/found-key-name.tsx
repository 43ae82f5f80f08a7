import type { FoundKey } from '../data/key.ts';
import styles from './found-key-name.module.css';

/** The key and the owner that a dialog is about. */
export function FoundKeyName({ value: key }: { value: FoundKey }) {
  return (
    <p className={styles.name}>
      <bdi>{key.label}</bdi>
      <code>{key.key_id}</code>
      <bdi className={styles.owner}>{ownerOf(key)}</bdi>
    </p>
  );
}

/** The owner's e-mail address, or the user ID if it has none. */
export function ownerOf(key: FoundKey): string {
  return key.email ?? key.user_id ?? 'Account removed';
}
