import { Monitor, Moon, Sun } from 'lucide-react';
import { useState } from 'react';
import { chooseTheme, storedTheme, type Theme } from './theme.ts';
import styles from './theme-choice.module.css';

const next: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' };
const icons = { system: Monitor, light: Sun, dark: Moon };
const names = { system: 'system', light: 'light', dark: 'dark' };

/** A button that switches between light, dark and the system's theme. */
export function ThemeChoice() {
  const [theme, setTheme] = useState(storedTheme);
  const Icon = icons[theme];
  const change = () => {
    chooseTheme(next[theme]);
    setTheme(next[theme]);
  };
  const label = `Theme: ${names[theme]}. Switch to ${names[next[theme]]}`;
  return (
    <button
      type="button"
      className={styles.choice}
      onClick={change}
      aria-label={label}
      title={label}
    >
      <Icon size={18} aria-hidden />
    </button>
  );
}
