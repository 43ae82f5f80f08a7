/** The page's theme: the system's, or the user's choice. */
export type Theme = 'system' | 'light' | 'dark';

const storageKey = 'proxy-keys-theme';
const themes: readonly string[] = ['system', 'light', 'dark'] satisfies Theme[];

/** The theme that the user chose in this browser. */
export function storedTheme(): Theme {
  const stored = localStorage.getItem(storageKey);
  return stored && themes.includes(stored) ? (stored as Theme) : 'system';
}

/** Applies the theme and stores it for the next visit. */
export function chooseTheme(theme: Theme): void {
  localStorage.setItem(storageKey, theme);
  applyTheme(theme);
}

/** Applies the theme. The colors follow through `light-dark()`. */
export function applyTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
