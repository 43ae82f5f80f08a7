import type { ComponentProps } from 'react';
import styles from './button.module.css';

/** A button's look. A `busy` button cannot be pressed but keeps the focus. */
export interface ButtonLook {
  kind?: 'plain' | 'primary' | 'danger' | 'link';
  busy?: boolean;
  wide?: boolean;
}

export function Button({
  kind = 'plain',
  busy = false,
  wide = false,
  type = 'button',
  onClick,
  ...rest
}: ButtonLook & ComponentProps<'button'>) {
  return (
    <button
      {...rest}
      type={busy ? 'button' : type}
      className={styles[kind]}
      data-wide={wide || undefined}
      data-busy={busy || undefined}
      aria-disabled={busy || rest['aria-disabled']}
      onClick={busy ? undefined : onClick}
    />
  );
}

/** The class of a link that looks like a button. */
export function buttonClass(kind: 'plain' | 'primary' = 'plain'): string {
  return styles[kind] ?? '';
}
