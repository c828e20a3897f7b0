/* Light, dark, or whatever the system says. Remembered on this device; read again before the first paint by the
 * build's theme script. */
import { useState } from 'react';

export type Theme = 'system' | 'light' | 'dark';
const KEY = 'rookery.theme';

export function currentTheme(): Theme {
  const theme = document.documentElement.dataset.theme;
  return theme === 'light' || theme === 'dark' ? theme : 'system';
}

export function setTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    /* it holds for this page then */
  }
}

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, set] = useState(currentTheme);
  return [
    theme,
    (next) => {
      setTheme(next);
      set(next);
    },
  ];
}
