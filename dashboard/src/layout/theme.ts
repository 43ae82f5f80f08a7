/** How the page looks: as the system does, or as the user chose. */
export type Theme = 'system' | 'light' | 'dark';

const storageKey = 'proxy-keys-theme';
const themes: readonly string[] = ['system', 'light', 'dark'] satisfies Theme[];

/** What the user chose in this browser before. */
export function storedTheme(): Theme {
  const stored = localStorage.getItem(storageKey);
  return stored && themes.includes(stored) ? (stored as Theme) : 'system';
}

/** Keeps the choice for the next visit, and shows it. */
export function chooseTheme(theme: Theme): void {
  localStorage.setItem(storageKey, theme);
  applyTheme(theme);
}

/** Shows the page so. The colours follow by `light-dark()`. */
export function applyTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
