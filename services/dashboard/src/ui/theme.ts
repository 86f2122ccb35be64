/** Light or dark: the system's choice until somebody makes their own. */
import { useSyncExternalStore } from 'react';

export type ThemeChoice = 'system' | 'light' | 'dark';
export type Theme = 'light' | 'dark';

const key = 'tessera-theme';
const listeners = new Set<() => void>();
const systemDark = window.matchMedia('(prefers-color-scheme: dark)');
systemDark.addEventListener('change', () => {
  for (const tell of listeners) tell();
});

export function chosenTheme(): ThemeChoice {
  const stored = localStorage.getItem(key);
  return stored === 'light' || stored === 'dark' ? stored : 'system';
}

export function applyTheme(choice: ThemeChoice): void {
  if (choice === 'system') {
    localStorage.removeItem(key);
    delete document.documentElement.dataset.theme;
  } else {
    localStorage.setItem(key, choice);
    document.documentElement.dataset.theme = choice;
  }
  for (const tell of listeners) tell();
}

const subscribe = (tell: () => void) => {
  listeners.add(tell);
  return () => listeners.delete(tell);
};

export const useThemeChoice = (): ThemeChoice => useSyncExternalStore(subscribe, chosenTheme);

/** What is shown at this moment: what figures and canvases draw for. */
export const useTheme = (): Theme =>
  useSyncExternalStore(subscribe, () => {
    const choice = chosenTheme();
    return choice === 'system' ? (systemDark.matches ? 'dark' : 'light') : choice;
  });
